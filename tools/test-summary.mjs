// Adds up jest's JSON reports and ends with the one line that scripts look for. A suite that could not run is a failure.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2] ?? '.';
let passed = 0;
let failed = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.status'))) {
  const name = file.slice(0, -'.status'.length);
  const status = readFileSync(join(folder, file), 'utf8').trim();
  try {
    const report = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
    passed += report.numPassedTests;
    const broken = report.numFailedTests + report.numRuntimeErrorTestSuites;
    failed += broken;
    if (report.numPendingTests > 0) process.stderr.write(`${report.numPendingTests} tests were skipped\n`);
    if (broken === 0 && status !== '0') failed += 1;
  } catch (error) {
    process.stderr.write(`A test report cannot be read: ${error instanceof Error ? error.message : String(error)}\n`);
    failed += 1;
  }
}
if (passed === 0 && failed === 0) failed = 1;
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
