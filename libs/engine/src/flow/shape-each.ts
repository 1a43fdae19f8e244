import type { JsonValue } from '#model';
import { type RecordShaper, type Shaped, shapePage } from './record-shaper.js';
import type { StepPass } from './units.js';

/**
 * Shapes what came back for the records of a page.
 *
 * @returns one for each value; null when a cancel came first
 */
export async function shapeEach(
  shaper: RecordShaper,
  values: readonly JsonValue[],
  { instruction, run, effects }: StepPass,
): Promise<readonly Shaped[] | null> {
  const { watch, functions } = effects;
  if (!shaper.hasScripts && watch === undefined) return values.map((value) => shaper.shape(value, run));
  try {
    return await shapePage(shaper, values, run, functions, instruction.stepId, watch);
  } catch (error) {
    if (effects.isCanceled()) return null;
    throw error;
  }
}
