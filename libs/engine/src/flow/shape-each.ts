import type { JsonValue } from '#model';
import type { RecordShaper, Shaped } from './record-shaper.js';
import type { StepPass } from './units.js';

/**
 * Shapes what came back for the records of a page.
 *
 * @returns one for each value; null when a cancel came first
 */
export async function shapeEach(
  shaper: RecordShaper,
  values: readonly JsonValue[],
  { run, effects }: StepPass,
): Promise<readonly Shaped[] | null> {
  if (!shaper.hasScripts) return values.map((value) => shaper.shape(value, run));
  try {
    return await shaper.shapeAll(values, run, effects.functions);
  } catch (error) {
    if (effects.isCanceled()) return null;
    throw error;
  }
}
