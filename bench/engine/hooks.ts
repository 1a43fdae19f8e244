import { Sandbox } from '#sandbox';
import { round, type Scenario } from '../result.js';
import { records } from './records.js';

/** Records of a page, and pages in flight: pages of a bundle run side by side. */
const cases = [
  { size: 20, inFlight: 32 },
  { size: 1_000, inFlight: 4 },
] as const;

const target = 0.33;
const roundMs = 150;

const reference = { home: { scriptId: 's' }, name: 'preMap', instance: 'step/preMap' };
const script = {
  content: 'function preMap(options) { return options.data.map((record) => ({ data: record })); }',
  postResponseHookToProcessOnChildRecord: false,
};

/** Records/s through a hook, beside one JSON round trip of its page in this process: the best of rounds in turns. */
export const hooks: Scenario = async (options, emit) => {
  const sandbox = new Sandbox();
  const functions = sandbox.functionsOf({
    accountId: 'account',
    runId: 'run',
    scripts: { s: script },
    signal: new AbortController().signal,
    log: () => undefined,
  });
  try {
    for (const { size, inFlight } of cases) {
      const page = { data: records.slice(0, size), settings: {}, testMode: false };
      const call = async (): Promise<void> => {
        const outcome = await functions.call(reference, page);
        if (!('value' in outcome) || !Array.isArray(outcome.value) || outcome.value.length !== size)
          throw new Error(`The hook did not answer for its page: ${JSON.stringify(outcome).slice(0, 500)}`);
      };
      let value = 0;
      let baseline = 0;
      for (let at = 0; at < (options.quick ? 5 : 25); at += 1) {
        baseline = Math.max(baseline, size * (await rateOf(async () => void JSON.parse(JSON.stringify(page)), 1)));
        value = Math.max(value, size * (await rateOf(call, inFlight)));
      }
      emit({
        bench: 'engine',
        variant: `hook, pages of ${size} beside their JSON round trip (target ${target})`,
        mode: 'in-process',
        unit: 'records/s',
        value: Math.round(value),
        baseline: Math.round(baseline),
        ratio: round(value / baseline),
      });
    }
  } finally {
    sandbox.close();
  }
};

/** Calls per second. */
async function rateOf(work: () => Promise<void>, inFlight: number): Promise<number> {
  const start = performance.now();
  let calls = 0;
  const lane = async (): Promise<void> => {
    do {
      await work();
      calls += 1;
    } while (performance.now() - start < roundMs);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (calls / (performance.now() - start)) * 1000;
}
