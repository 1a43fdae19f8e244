import type { JsonValue } from '#model';
import type { Effects, PageIdentity, PageRecord } from '../program.js';
import type { RunContext } from '../run-context.js';
import { admit } from './admit.js';
import { concludeUnits } from './conclude-units.js';
import { mapUnits } from './map-units.js';
import type { PageLedger } from './page-ledger.js';
import { postResponseMap } from './post-response-map.js';
import { sendUnits } from './send-units.js';
import { detailsOf } from './step-details.js';
import { reportAdmission, reportLast, reportResponses } from './watch-units.js';
import type { Slot, StepInstruction, StepPass } from './units.js';

export type { StepInstruction } from './units.js';

/**
 * Runs the records of a page through one step; gives those that go on, in order. One record failing fails alone.
 * Reference: runtime §9.2, §9.3.
 */
export async function runStep(
  instruction: StepInstruction,
  page: PageIdentity,
  records: readonly PageRecord[],
  run: RunContext,
  effects: Effects,
  ledger: PageLedger,
): Promise<readonly PageRecord[]> {
  const details = detailsOf(instruction.step);
  const pass: StepPass = { instruction, details, page, run, effects, ledger };
  const slots = await admit(pass, records);
  reportAdmission(pass, slots);
  const units = details.fanOut === undefined ? slots : slots.flatMap((slot) => slot.children ?? []);
  await mapUnits(pass, units);
  await sendUnits(pass, units);
  reportResponses(pass, slots);
  const rejoined = new Map<Slot, JsonValue>();
  if (details.postResponseMap !== undefined) {
    await postResponseMap(pass, details.postResponseMap, slots, rejoined);
    reportLast(pass, slots, rejoined);
  }
  return concludeUnits(pass, slots, rejoined);
}
