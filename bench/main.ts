import { parseArgs } from 'node:util';
import { engine } from './engine.js';
import { j1, volume } from './j1.js';
import { j4 } from './j4.js';
import { stopServers } from './processes.js';
import type { BenchResult, Scenario } from './result.js';

const scenarios: Readonly<Record<string, Scenario>> = { engine, j1, j4, volume };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    mode: { type: 'string', default: 'cluster' },
  },
});
const name = positionals[0] ?? '';
const scenario = scenarios[name];
if (!scenario || (values.mode !== 'cluster' && values.mode !== 'embedded')) {
  process.stderr.write(
    `usage: npm run -s bench -- ${Object.keys(scenarios).join('|')} [--json] [--quick] [--mode cluster|embedded]\n`,
  );
  process.exit(2);
}

const print = (result: BenchResult): void => {
  if (values.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const { bench, variant, mode, unit, value, ...rest } = result;
  process.stdout.write(`${bench} ${variant} (${mode}): ${value} ${unit}\n`);
  for (const [key, detail] of Object.entries(rest)) process.stdout.write(`    ${key}: ${JSON.stringify(detail)}\n`);
};

try {
  await scenario({ quick: values.quick, mode: values.mode }, print);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await stopServers();
}
process.exit();
