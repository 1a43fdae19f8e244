/**
 * Error codes are public API: stable, documented (docs/errors.md is generated from this registry), never reused.
 * A code says what to do in `help`; whether a repeat can succeed in `retry`; and, where the API answers with it, the status.
 */
export interface CodeDefinition {
  /** What the reader of the error should do. One or two sentences. */
  readonly help: string;
  /** HTTP status when the API refuses with it; absent for codes that appear only on stored errors. */
  readonly http?: number;
  readonly retry: 'never' | 'backoff' | 'immediately';
}

export interface RegisteredCode extends CodeDefinition {
  readonly code: string;
  readonly area: string;
}

const registry = new Map<string, RegisteredCode>();

/**
 * Registers codes beside the code that raises them.
 *
 * @throws Error when a code is registered twice: two meanings under one name would break clients
 */
export function defineCodes<const T extends Readonly<Record<string, CodeDefinition>>>(
  area: string,
  codes: T,
): { readonly [K in keyof T]: RegisteredCode & { readonly code: K } } {
  const defined: Record<string, RegisteredCode> = {};
  for (const [code, definition] of Object.entries(codes)) {
    if (registry.has(code)) throw new Error(`The error code ${code} is registered twice.`);
    const registered = { ...definition, code, area };
    registry.set(code, registered);
    defined[code] = registered;
  }
  return defined as { readonly [K in keyof T]: RegisteredCode & { readonly code: K } };
}

/** Every registered code, by area and name. Import the modules that define codes first. */
export function registeredCodes(): readonly RegisteredCode[] {
  return [...registry.values()].sort((a, b) => a.area.localeCompare(b.area) || a.code.localeCompare(b.code));
}
