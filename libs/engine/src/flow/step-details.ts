import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import type { RecordMap } from '../mapping/index.js';
import type { CompiledGenerator, CompiledStep, RunContext } from '../program.js';
import type { TraceKey } from '../trace-key.js';
import type { FanOut } from './one-to-many.js';

/** What this library compiles into a step beyond what the seam shows to others. */
export interface StepDetails {
  /** Children instead of the record are sent. Reference: runtime §9.1. */
  readonly fanOut?: FanOut;
  /** Trace keys of children; absent: the record's. */
  readonly childTraceKey?: TraceKey;
  /** Transform and output filter of a lookup, on what it found. Reference: runtime §9.2. */
  readonly shapeFound?: (found: readonly JsonValue[], run: RunContext) => readonly JsonValue[] | Failure;
  /** `responseTransform` of an import, on the answer of the destination. */
  readonly shapeAnswer?: RecordMap;
}

export interface DetailedStep extends CompiledStep {
  readonly details: StepDetails;
}

export interface DetailedGenerator extends CompiledGenerator {
  /** Errors of its records keep no retry data. */
  readonly skipRetries: boolean;
  /** Rendered `dataURITemplate`; undefined when it cannot be rendered for a record. */
  readonly dataURI?: (record: JsonValue, run: RunContext) => string | undefined;
}

const none: StepDetails = {};

export function detailsOf(step: CompiledStep): StepDetails {
  return 'details' in step ? (step as DetailedStep).details : none;
}

export function isDetailed(generator: CompiledGenerator): generator is DetailedGenerator {
  return 'skipRetries' in generator;
}
