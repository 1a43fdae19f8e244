/** The published package, untyped; what tests use of it. */
declare module 'integrator-extension' {
  export type ExtensionCallback = (
    error: { readonly statusCode: number; readonly errors: readonly object[] } | Error | null | undefined,
    result?: unknown,
  ) => void;

  export default class Extension {
    loadConfiguration(config: { readonly diy: object }, callback: (error?: Error) => void): void;
    callFunction(functionOptions: unknown, extensionOptions: object, callback: ExtensionCallback): void;
  }
}
