import type { GroupKey } from '../grouping.js';
import type { CompiledGenerator, CompiledStep } from '../program.js';
import type { TraceKey } from '../trace-key.js';
import type { DataURI } from './data-uri.js';
import type { IdLock } from './id-lock.js';
import type { ImportChoices } from './import-lookups.js';
import type { FanOut } from './one-to-many.js';
import type { RecordShaper } from './record-shaper.js';
import type { UserFunction } from './user-function.js';

/** What this library compiles into a step beyond what the seam shows to others. */
export interface StepDetails {
  /** Children instead of the record are sent. Reference: runtime §9.1. */
  readonly fanOut?: FanOut;
  /** Trace keys of children; absent: the record's. */
  readonly childTraceKey?: TraceKey;
  /** As configured; hooks see it. */
  readonly pathToMany?: string;
  /** Filter that is a script; the step's own `filter` is absent then. */
  readonly filterScript?: UserFunction;
  /** Of an import, for its errors. */
  readonly dataURI?: DataURI;
  readonly idLock?: IdLock;
  /** What an import decides and asks before it maps a record. */
  readonly choices?: ImportChoices;
  readonly preMap?: UserFunction;
  readonly postMap?: UserFunction;
  readonly postSubmit?: UserFunction;
  /** Called for each file that the import wrote, once it is complete. */
  readonly postAggregate?: UserFunction;
  /** Of a lookup; called with what was found for each record. */
  readonly preSavePage?: UserFunction;
  readonly postResponseMap?: UserFunction;
  /** Whether postResponseMap sees children, not their parents. Reference: runtime §16. */
  readonly hookSeesChildren?: boolean;
  /** Groups what a lookup found. Reference: runtime §7.2. */
  readonly groupKey?: GroupKey;
  /** Transform and output filter of a lookup, on what it found. Reference: runtime §9.2. */
  readonly shapeFound?: RecordShaper;
  /** `responseTransform` of an import, on the answer of the destination. */
  readonly shapeAnswer?: RecordShaper;
}

export interface DetailedStep extends CompiledStep {
  readonly details: StepDetails;
}

export interface DetailedGenerator extends CompiledGenerator {
  /** Errors of its records keep no retry data. */
  readonly skipRetries: boolean;
}

const none: StepDetails = {};

export function detailsOf(step: CompiledStep): StepDetails {
  return 'details' in step ? (step as DetailedStep).details : none;
}

export function isDetailed(generator: CompiledGenerator): generator is DetailedGenerator {
  return 'skipRetries' in generator;
}
