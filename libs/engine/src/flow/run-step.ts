import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import type {
  CompiledStep,
  Effects,
  ImportOutcome,
  Instruction,
  LookupOutcome,
  PageIdentity,
  PageRecord,
  PreparedRecord,
  RunContext,
} from '../program.js';
import { failedEnvelope, failuresOf, importEnvelope, lookupEnvelope } from './envelopes.js';
import type { PageLedger } from './page-ledger.js';
import { detailsOf, type StepDetails } from './step-details.js';

export type StepInstruction = Extract<Instruction, { readonly op: 'lookup' | 'import' }>;

/**
 * What is sent for a record: itself, or one of its children. The index of a child is unique in the page all the same, for
 * its idempotency key.
 */
interface Unit {
  readonly prepared: PreparedRecord;
  /** Set once it needs nothing from outside any more. */
  outcome: Outcome | undefined;
}

/** Outcomes of units: the next record, or failures and the record it goes on as, should it proceed. */
type Outcome =
  | { readonly kind: 'success'; readonly record: JsonValue }
  | { readonly kind: 'ignored'; readonly record: JsonValue }
  | {
      readonly kind: 'failed';
      readonly failures: readonly Failure[];
      readonly record: JsonValue;
      readonly dataURI?: string;
    }
  /** A cancel came first: neither sent nor counted (decision 6). */
  | { readonly kind: 'untouched' };

/** A record on its way through one step. */
interface Slot extends Unit {
  readonly entry: PageRecord;
  /** What is sent instead of the record itself; null when that is sent, or nothing. */
  readonly children: readonly Unit[] | null;
}

/** Room for the children of a record between its index and the next one's. */
const childStride = 10_000_000;

/** Code of outcomes of records that a cancel kept from being sent. */
const canceledCode = 'canceled';

/** Runs the records of a page through one step; gives those that go on, in order. One record failing fails alone. */
export async function runStep(
  instruction: StepInstruction,
  page: PageIdentity,
  records: readonly PageRecord[],
  run: RunContext,
  effects: Effects,
  ledger: PageLedger,
): Promise<readonly PageRecord[]> {
  const { step } = instruction;
  const details = detailsOf(step);
  const slots = records.map((entry) => prepare(entry, step, details, run));
  const units = details.fanOut === undefined ? slots : slots.flatMap((slot) => slot.children ?? []);
  await send(instruction, page, units, details, run, effects);
  return conclude(instruction, slots, details, run, ledger);
}

/** Filter, children, mapping: everything before the request. */
function prepare(entry: PageRecord, step: CompiledStep, details: StepDetails, run: RunContext): Slot {
  const { record } = entry;
  const passes = step.filter === undefined || step.filter(record, run);
  if (passes === false) return settled(entry, { kind: 'ignored', record });
  if (passes !== true) return settled(entry, failed(step, [passes], record));
  if (details.fanOut === undefined) {
    const mapped = mapRecord(step, record, run);
    if ('failure' in mapped) return settled(entry, failed(step, [mapped.failure], record));
    return {
      entry,
      prepared: { index: entry.index, record, mapped: mapped.value },
      outcome: undefined,
      children: null,
    };
  }
  const children = details.fanOut.split(record);
  if (!isList(children)) return settled(entry, failed(step, [children], record));
  if (children.length === 0) return settled(entry, { kind: 'success', record });
  return {
    entry,
    prepared: { index: entry.index, record, mapped: record },
    outcome: undefined,
    children: children.map((child, ordinal): Unit => {
      const mapped = mapRecord(step, child, run);
      const index = entry.index * childStride + ordinal;
      return 'failure' in mapped
        ? { prepared: { index, record: child, mapped: child }, outcome: failed(step, [mapped.failure], child) }
        : { prepared: { index, record: child, mapped: mapped.value }, outcome: undefined };
    }),
  };
}

/** A record of which nothing is sent. */
function settled(entry: PageRecord, outcome: Outcome): Slot {
  const { index, record } = entry;
  return { entry, prepared: { index, record, mapped: record }, outcome, children: null };
}

function isList(value: readonly JsonValue[] | Failure): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function mapRecord(
  step: CompiledStep,
  record: JsonValue,
  run: RunContext,
): { readonly value: JsonValue } | { readonly failure: Failure } {
  return step.map === undefined ? { value: record } : step.map(record, run);
}

/** The failed record, with the errors mapped onto it in case that it proceeds. */
function failed(
  step: CompiledStep,
  failures: readonly Failure[],
  record: JsonValue,
  statusCode?: number,
  dataURI?: string,
): Outcome {
  return {
    kind: 'failed',
    failures,
    record: step.proceedOnFailure ? mapResponse(step, record, failedEnvelope(failures, statusCode)) : record,
    ...(dataURI === undefined ? {} : { dataURI }),
  };
}

function mapResponse(step: CompiledStep, record: JsonValue, response: JsonRecord): JsonValue {
  // Compiled response mappings never fail: what resolves to nothing merges nothing (runtime §15).
  return step.mapResponse === undefined ? record : (step.mapResponse(record, response) as JsonValue);
}

async function send(
  instruction: StepInstruction,
  page: PageIdentity,
  units: readonly Unit[],
  details: StepDetails,
  run: RunContext,
  effects: Effects,
): Promise<void> {
  const isOpen = (unit: Unit): boolean => unit.outcome === undefined;
  const open = units.every(isOpen) ? units : units.filter(isOpen);
  if (open.length === 0) return;
  if (effects.isCanceled()) {
    for (const unit of open) unit.outcome = { kind: 'untouched' };
    return;
  }
  const prepared = open.map((unit) => unit.prepared);
  const { op, stepId, step } = instruction;
  if (op === 'lookup') {
    const findsAreChecked = details.shapeFound !== undefined;
    const outcomes = await effects.lookup(stepId, page, prepared);
    open.forEach((unit, at) => {
      unit.outcome = judge(step, unit, outcomes[at], effects, findsAreChecked, (outcome) =>
        foundEnvelope(outcome, details, run),
      );
    });
  } else {
    const answersAreChecked = details.shapeAnswer !== undefined;
    const outcomes = await effects.submit(stepId, page, prepared);
    open.forEach((unit, at) => {
      unit.outcome = judge(step, unit, outcomes[at], effects, answersAreChecked, (outcome) =>
        answerEnvelope(outcome, details, run),
      );
    });
  }
}

type Envelope = { readonly response: JsonRecord } | { readonly failure: Failure };

function foundEnvelope(outcome: LookupOutcome, details: StepDetails, run: RunContext): Envelope {
  const data = details.shapeFound === undefined ? outcome.data : details.shapeFound(outcome.data, run);
  return isList(data) ? { response: lookupEnvelope(outcome, data) } : { failure: data };
}

function answerEnvelope(outcome: ImportOutcome, details: StepDetails, run: RunContext): Envelope {
  if (details.shapeAnswer === undefined || outcome._json === undefined) {
    return { response: importEnvelope(outcome, outcome._json) };
  }
  const shaped = details.shapeAnswer(outcome._json, run);
  return 'failure' in shaped ? shaped : { response: importEnvelope(outcome, shaped.value) };
}

/**
 * What an answer means for its record. An adaptor owes one answer per record; a cancel may keep it from giving all.
 *
 * @param isShaped whether the answer has to be shaped even when nothing of it is mapped: that may fail the record
 */
function judge<O extends ImportOutcome | LookupOutcome>(
  step: CompiledStep,
  unit: Unit,
  outcome: O | undefined,
  effects: Effects,
  isShaped: boolean,
  envelopeOf: (outcome: O) => Envelope,
): Outcome {
  const { record } = unit.prepared;
  if (outcome === undefined) {
    if (effects.isCanceled()) return { kind: 'untouched' };
    return failed(step, [missingResult], record);
  }
  const failures = failuresOf(outcome);
  const dataURI = 'dataURI' in outcome ? outcome.dataURI : undefined;
  if (failures.length > 0) {
    const isUnsent = effects.isCanceled() && failures.some((failure) => failure.code === canceledCode);
    return isUnsent ? { kind: 'untouched' } : failed(step, failures, record, outcome.statusCode, dataURI);
  }
  const kind = 'ignored' in outcome && outcome.ignored === true ? 'ignored' : 'success';
  if (step.mapResponse === undefined && !isShaped) return { kind, record };
  const envelope = envelopeOf(outcome);
  if ('failure' in envelope) return failed(step, [envelope.failure], record, 422, dataURI);
  return { kind, record: mapResponse(step, record, envelope.response) };
}

const missingResult: Failure = {
  code: 'missing_result',
  message: 'The answer of the application has no result for this record.',
  source: 'application',
};

/** Counts every record exactly once (decision 1) and gathers those that go on. */
function conclude(
  instruction: StepInstruction,
  slots: readonly Slot[],
  details: StepDetails,
  run: RunContext,
  ledger: PageLedger,
): readonly PageRecord[] {
  const { stepId, step } = instruction;
  const stage = instruction.op === 'lookup' ? 'page_processor_lookup' : 'page_processor_import';
  const counts = ledger.counts(stepId);
  const onward: PageRecord[] = [];
  for (const { entry, outcome, children } of slots) {
    if (children !== null) {
      const record = concludeChildren(instruction, entry, children, details, run, ledger);
      if (record !== undefined) onward.push({ ...entry, record });
      continue;
    }
    const decided = outcome ?? { kind: 'untouched' };
    switch (decided.kind) {
      case 'success':
      case 'ignored':
        counts[decided.kind === 'success' ? 'success' : 'ignore'] += 1;
        onward.push(decided.record === entry.record ? entry : { ...entry, record: decided.record });
        break;
      case 'failed':
        counts.error += 1;
        for (const failure of decided.failures) {
          ledger.fail(stepId, stage, entry, { failure, ...withURI(decided.dataURI) });
        }
        if (step.proceedOnFailure) onward.push({ ...entry, record: decided.record });
        break;
      case 'untouched':
        ledger.interrupted = true;
    }
  }
  return onward;
}

/**
 * Children count one by one and fail alone; the retry record of a failed child is its parent with no other child. The
 * parent goes on with all of them joined back, unless one failed and failures do not proceed. Reference: runtime §9.1.
 */
function concludeChildren(
  instruction: StepInstruction,
  entry: PageRecord,
  units: readonly Unit[],
  details: StepDetails,
  run: RunContext,
  ledger: PageLedger,
): JsonValue | undefined {
  const { stepId, step } = instruction;
  const stage = instruction.op === 'lookup' ? 'page_processor_lookup' : 'page_processor_import';
  const counts = ledger.counts(stepId);
  const joined: JsonValue[] = [];
  let goesOn = true;
  units.forEach((unit, ordinal) => {
    const outcome = unit.outcome ?? { kind: 'untouched' };
    if (outcome.kind === 'untouched') {
      ledger.interrupted = true;
      goesOn = false;
      return;
    }
    joined.push(outcome.record);
    if (outcome.kind !== 'failed') {
      counts[outcome.kind === 'success' ? 'success' : 'ignore'] += 1;
      return;
    }
    counts.error += 1;
    goesOn &&= step.proceedOnFailure;
    const traceKey = details.childTraceKey?.(unit.prepared.record, run);
    const retryRecord = details.fanOut?.only(entry.record, ordinal);
    for (const failure of outcome.failures) {
      ledger.fail(stepId, stage, entry, {
        failure,
        ...withURI(outcome.dataURI),
        ...(traceKey === undefined ? {} : { traceKey }),
        ...(retryRecord === undefined ? {} : { retryRecord }),
      });
    }
  });
  return goesOn && details.fanOut !== undefined ? details.fanOut.join(entry.record, joined) : undefined;
}

function withURI(dataURI: string | undefined): { readonly importDataURI?: string } {
  return dataURI === undefined ? {} : { importDataURI: dataURI };
}
