/**
 * Random cases of a differential test. The nightly form is `MILLRACE_DIFFERENTIAL_RUNS=100000`, or
 * `npm run test:nightly`.
 */
export const differentialRuns = Number(process.env['MILLRACE_DIFFERENTIAL_RUNS'] ?? 2_000);
