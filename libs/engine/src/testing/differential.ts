import { isDeepStrictEqual } from 'node:util';
import { expect } from '@jest/globals';

/**
 * Random cases of a differential test. The nightly form is `MILLRACE_DIFFERENTIAL_RUNS=100000`, or
 * `npm run test:nightly`.
 */
export const differentialRuns = Number(process.env['MILLRACE_DIFFERENTIAL_RUNS'] ?? 2_000);

/** `toStrictEqual`, at a tenth of its cost where both agree, which is nearly always. */
export function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
}
