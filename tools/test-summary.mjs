// Reads jest's JSON report and ends with the one line that scripts look for. A suite that could not run is a failure.
import { readFileSync } from 'node:fs';

const [, , file, status] = process.argv;
let passed = 0;
let failed = 0;
try {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  passed = report.numPassedTests;
  failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  if (report.numPendingTests > 0) process.stderr.write(`${report.numPendingTests} tests were skipped\n`);
} catch (error) {
  process.stderr.write(`The test report cannot be read: ${error instanceof Error ? error.message : String(error)}\n`);
}
if (failed === 0 && (status !== '0' || passed === 0)) failed = 1;
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
