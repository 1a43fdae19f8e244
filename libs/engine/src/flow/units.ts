import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import type {
  Effects,
  ImportOutcome,
  Instruction,
  LookupOutcome,
  Operation,
  PageIdentity,
  PageRecord,
} from '../program.js';
import type { RunContext } from '../run-context.js';
import type { PageLedger } from './page-ledger.js';
import type { StepDetails } from './step-details.js';

export type StepInstruction = Extract<Instruction, { readonly op: 'lookup' | 'import' }>;

/** One page on its way through one step. */
export interface StepPass {
  readonly instruction: StepInstruction;
  readonly details: StepDetails;
  readonly page: PageIdentity;
  readonly run: RunContext;
  readonly effects: Effects;
  readonly ledger: PageLedger;
}

/** What is sent for a record: itself, or one of its children. */
export interface Unit {
  readonly entry: PageRecord;
  /** Unique in the page, also for children: requests are named by it. */
  readonly index: number;
  /** The record or child as it entered the step: responses are mapped onto it, whatever was sent. */
  readonly origin: JsonValue;
  /** What mapping starts from, and what URIs and headers render over: the origin, or what preMap made of it. */
  input: JsonValue;
  /** What is sent. */
  mapped: JsonValue;
  /** As a composite import chose. */
  operation?: Operation | undefined;
  /** Values of dynamic lookups, for the templates of its request. */
  lookups?: JsonRecord | undefined;
  /** Units of one key are not sent at the same time. */
  lockKey?: string;
  /** Set once it needs nothing from outside any more. */
  outcome: Outcome | undefined;
}

/** Outcomes of units: the next record, or failures and the record it goes on as, should it proceed. */
export type Outcome = Settled | { readonly kind: 'untouched' };

export type Settled =
  | {
      readonly kind: 'success' | 'ignored';
      readonly record: JsonValue;
      /** As postResponseMap sees it. */
      readonly response?: JsonRecord;
    }
  | {
      readonly kind: 'failed';
      readonly failures: readonly Failure[];
      readonly record: JsonValue;
      readonly dataURI?: string;
      readonly response?: JsonRecord;
    };

/** A cancel came first: neither sent nor counted (decision 6). */
export const untouched: Outcome = { kind: 'untouched' };

/** Code of outcomes of records that a cancel kept from being sent. */
export const canceledCode = 'canceled';

/** A unit with what came back for it. */
export interface Answered<O extends ImportOutcome | LookupOutcome> {
  readonly unit: Unit;
  readonly outcome: O;
  readonly failures: readonly Failure[];
}

/** A record on its way through one step. */
export interface Slot extends Unit {
  /** What is sent instead of the record itself; null when that is sent, or nothing. */
  readonly children: readonly Unit[] | null;
}

/** Room for the children of a record between its index and the next one's. */
const childStride = 10_000_000;

export function indexOfChild(entry: PageRecord, ordinal: number): number {
  return entry.index * childStride + ordinal;
}

/** The record's own index, whatever child of it the index names. */
export function recordOfChild(index: number): number {
  return Math.floor(index / childStride);
}

/** Units that still need something from outside. */
export function openOf(units: readonly Unit[]): readonly Unit[] {
  const isOpen = (unit: Unit): boolean => unit.outcome === undefined;
  return units.every(isOpen) ? units : units.filter(isOpen);
}

/** Stage of a retry that starts at the step. Reference: errors §7. */
export function stageOf({ op }: StepInstruction): string {
  return op === 'lookup' ? 'page_processor_lookup' : 'page_processor_import';
}
