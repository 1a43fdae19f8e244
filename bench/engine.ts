import { isDeepStrictEqual } from 'node:util';
import { filterVariant } from './engine/filter.js';
import { hooks } from './engine/hooks.js';
import { mapper1Variant, mapper2Variant } from './engine/mappers.js';
import { page } from './engine/page.js';
import { templates } from './engine/templates.js';
import type { EngineVariant } from './engine/variant.js';
import { round, type Scenario } from './result.js';

/** One file under `engine/` per subject. */
const variants: readonly EngineVariant[] = [filterVariant, mapper1Variant, mapper2Variant];

/** Records/s of what the engine compiles, beside hand-written code that does the same in the same process. */
export const engine: Scenario = async (options, emit) => {
  for (const variant of variants) {
    if (!isDeepStrictEqual(variant.compiled(), variant.byHand()))
      throw new Error(`${variant.name}: the compiled code and the hand-written code disagree.`);
    const { compiled, byHand } = measure(variant, options.quick ? 5 : 25);
    emit({
      bench: 'engine',
      variant: `${variant.name} (target ${variant.target})`,
      mode: 'in-process',
      unit: 'records/s',
      value: Math.round(compiled),
      baseline: Math.round(byHand),
      ratio: round(compiled / byHand),
    });
  }
  await page(options, emit);
  await templates(options, emit);
  await hooks(options, emit);
};

const roundMs = 60;

/** Records/s of both, the best of several rounds taken in turns. */
function measure(variant: EngineVariant, rounds: number): { readonly compiled: number; readonly byHand: number } {
  let compiled = 0;
  let byHand = 0;
  for (let at = 0; at < rounds; at += 1) {
    byHand = Math.max(byHand, rateOf(variant.byHand));
    compiled = Math.max(compiled, rateOf(variant.compiled));
  }
  return { compiled: compiled * variant.records, byHand: byHand * variant.records };
}

let kept: unknown;

/** Calls per second of this thread's CPU: the machine is shared. Results are kept, or nobody would build them. */
function rateOf(work: () => unknown): number {
  const before = process.threadCpuUsage();
  let calls = 0;
  let usedMs = 0;
  do {
    kept = work();
    calls += 1;
    const { user, system } = process.threadCpuUsage(before);
    usedMs = (user + system) / 1000;
  } while (usedMs < roundMs);
  if (kept === undefined) throw new Error('The work gave nothing.');
  return (calls / usedMs) * 1000;
}
