/** Bounds of the state that an account keeps. Reference: resources §19 names none. */
export const stateLimits = {
  /** characters of a key */
  keyLength: 256,
  /** bytes of JSON of one value */
  valueBytes: 256 * 1024,
  /** keys of one account */
  keys: 1_000,
} as const;
