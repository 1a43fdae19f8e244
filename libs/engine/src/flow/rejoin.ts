import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import { engineCodes } from '../codes.js';
import { failedEnvelope } from './envelopes.js';
import { mapResponse } from './settle-unit.js';
import type { Outcome, Settled, Slot, StepPass, Unit } from './units.js';

/** Parents of one-to-many, once their children are through. Reference: runtime §9.1, errors §15. */

/** So many children are named in the error of their parent, each with so many characters of its message. */
const namedChildren = 10;
const maxReason = 200;

/**
 * A parent with its children, as they are now, in place of the array. Where some failed, and proceed, their combined error is
 * mapped onto the parent, as each child's own was onto the child.
 */
export function rejoin(pass: StepPass, { entry, children }: Slot, settled: readonly Settled[]): JsonValue {
  const joined = pass.details.fanOut!.join(
    entry.record,
    settled.map(({ record }) => record),
  );
  const combined = combinedError(children ?? []);
  return combined === undefined ? joined : mapResponse(pass, joined, failedEnvelope([combined]));
}

/** What the children that failed amount to for their parent; undefined when none did. Reference: errors §4. */
export function combinedError(children: readonly Unit[]): Failure | undefined {
  const reasons: string[] = [];
  let failed = 0;
  let source: Failure['source'] | undefined;
  children.forEach(({ outcome }, ordinal) => {
    const [failure] = failuresOf(outcome);
    if (failure === undefined) return;
    failed += 1;
    source ??= failure.source;
    if (failed <= namedChildren) reasons.push(`[${ordinal}] ${failure.code}: ${failure.message.slice(0, maxReason)}`);
  });
  if (source === undefined) return undefined;
  const more = failed > namedChildren ? `; and ${failed - namedChildren} more` : '';
  return {
    code: engineCodes.oneToMany_error.code,
    message: `${failed} of ${children.length} children failed: ${reasons.join('; ')}${more}`,
    source,
  };
}

function failuresOf(outcome: Outcome | undefined): readonly Failure[] {
  return outcome?.kind === 'failed' ? outcome.failures : [];
}
