/** One comparison of the scenario `engine`: what the engine compiled beside code written by hand that does the same. */
export interface EngineVariant {
  readonly name: string;
  /** Records that one call works on. */
  readonly records: number;
  /** Both give the same value, which is checked before anything is measured. */
  readonly byHand: () => unknown;
  readonly compiled: () => unknown;
  /** The ratio that is promised. */
  readonly target: number;
}

/** The part of a compiler's answer that is no error. */
export function compiled<T extends object>(answer: T): Exclude<T, { readonly error: unknown }> {
  if ('error' in answer) throw new Error(JSON.stringify(answer.error));
  return answer as Exclude<T, { readonly error: unknown }>;
}
