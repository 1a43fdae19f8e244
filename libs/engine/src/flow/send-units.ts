import type { Failure } from '#failures';
import type { ImportOutcome, LookupOutcome, PreparedRecord } from '../program.js';
import { failuresOf } from './envelopes.js';
import type { IdLock } from './id-lock.js';
import { failed } from './settle-unit.js';
import { settleFound } from './settle-found.js';
import { settleSubmitted } from './settle-submitted.js';
import { canceledCode, openOf, untouched, type Answered, type StepPass, type Unit } from './units.js';

/** Sends the units of a page that are still open, and settles them by their answers. */
export async function sendUnits(pass: StepPass, units: readonly Unit[]): Promise<void> {
  if (pass.details.idLock !== undefined) nameLocks(pass, pass.details.idLock, openOf(units));
  const open = openOf(units);
  if (open.length === 0) return;
  const { effects, page } = pass;
  if (effects.isCanceled()) {
    for (const unit of open) unit.outcome = untouched;
    return;
  }
  const prepared = open.map(preparedOf);
  const { op, stepId } = pass.instruction;
  if (op === 'lookup') await settleFound(pass, answeredOf(pass, open, await effects.lookup(stepId, page, prepared)));
  else await settleSubmitted(pass, answeredOf(pass, open, await effects.submit(stepId, page, prepared)));
}

function nameLocks(pass: StepPass, idLock: IdLock, open: readonly Unit[]): void {
  for (const unit of open) {
    const key = idLock(unit.input, pass.run);
    if (typeof key !== 'string') unit.outcome = failed(pass, unit, [key]);
    else if (key !== '') unit.lockKey = key;
  }
}

function preparedOf({ index, input, mapped, operation, lookups, lockKey }: Unit): PreparedRecord {
  if (operation === undefined && lookups === undefined && lockKey === undefined)
    return { index, record: input, mapped };
  return {
    index,
    record: input,
    mapped,
    ...(operation === undefined ? {} : { operation }),
    ...(lookups === undefined ? {} : { lookups }),
    ...(lockKey === undefined ? {} : { lockKey }),
  };
}

/** An adaptor owes one answer per record; a cancel may keep it from giving all. */
function answeredOf<O extends ImportOutcome | LookupOutcome>(
  pass: StepPass,
  units: readonly Unit[],
  outcomes: readonly O[],
): readonly Answered<O>[] {
  const isCanceled = pass.effects.isCanceled();
  const answered: Answered<O>[] = [];
  units.forEach((unit, at) => {
    const outcome = outcomes[at];
    if (outcome === undefined) {
      unit.outcome = isCanceled ? untouched : failed(pass, unit, [missingResult]);
      return;
    }
    const failures = failuresOf(outcome);
    if (isCanceled && failures.some(({ code }) => code === canceledCode)) unit.outcome = untouched;
    else answered.push({ unit, outcome, failures });
  });
  return answered;
}

const missingResult: Failure = {
  code: 'missing_result',
  message: 'The answer of the application has no result for this record.',
  source: 'application',
};
