import { isDeepStrictEqual } from 'node:util';
import { type ImportOutcome, runPage } from '#engine';
import { noFunctions, runContext } from '#engine/testing/contexts';
import { compiled, FakeEffects, first, generator } from '#engine/testing/flows';
import type { JsonValue } from '#model';
import { round, type Scenario } from '../result.js';
import { filterRules, keepByHand, mapByHand, mapping2 } from './fields.js';
import { pageText, type Product } from './records.js';

const size = 1_000;
const target = 0.6;
const roundMs = 150;
const text = pageText(size);
const run = runContext();

const flow = compiled({
  source: {
    filter: { type: 'expression', expression: { version: '1', rules: filterRules } },
    transform: {
      type: 'expression',
      expression: {
        version: '2',
        rulesTwoDotZero: {
          mode: 'modify',
          mappings: [{ status: 'Active', dataType: 'string', generate: 'supplier', extract: '$.supplier' }],
        },
      },
    },
  },
  imports: { [first]: { mappings: mapping2 } },
});

const accepted: ImportOutcome = { statusCode: 200 };
/** A destination that makes the body of its request, and whose every record is accepted. */
const effects = new (class extends FakeEffects {
  body = '';
  override async submit(...[, , records]: Parameters<FakeEffects['submit']>): Promise<ImportOutcome[]> {
    this.body = JSON.stringify(records.map(({ mapped }) => mapped));
    return records.map(() => accepted);
  }
})();

async function byProgram(): Promise<string> {
  const raw = { index: 0, records: JSON.parse(text) as JsonValue[] };
  const { records } = await flow.generators.get(generator)!.shape(raw, run, noFunctions);
  await runPage(flow, flow.program.entry, { generator, page: 0 }, records, run, effects);
  return effects.body;
}

/** The bare loop of `j1`, without its requests. */
function byLoop(): string {
  const mapped: object[] = [];
  for (const product of JSON.parse(text) as Product[]) if (keepByHand(product)) mapped.push(mapByHand(product));
  return JSON.stringify(mapped);
}

/** Records/s through the page program of a flow, beside a bare loop: the best of rounds in turns. */
export const page: Scenario = async (options, emit) => {
  if (!isDeepStrictEqual(JSON.parse(await byProgram()), JSON.parse(byLoop())))
    throw new Error('The page program and the bare loop disagree.');
  let value = 0;
  let baseline = 0;
  for (let at = 0; at < (options.quick ? 5 : 25); at += 1) {
    baseline = Math.max(baseline, await rateOf(async () => byLoop()));
    value = Math.max(value, await rateOf(byProgram));
  }
  emit({
    bench: 'engine',
    variant: `page program of ${size}: transform, filter, map, serialise, beside a bare loop (target ${target})`,
    mode: 'in-process',
    unit: 'records/s',
    value: Math.round(value * size),
    baseline: Math.round(baseline * size),
    ratio: round(value / baseline),
  });
};

/** Calls per second of this thread's CPU. */
async function rateOf(work: () => Promise<string>): Promise<number> {
  const before = process.threadCpuUsage();
  let calls = 0;
  let usedMs = 0;
  do {
    await work();
    calls += 1;
    const { user, system } = process.threadCpuUsage(before);
    usedMs = (user + system) / 1000;
  } while (usedMs < roundMs);
  return (calls / usedMs) * 1000;
}
