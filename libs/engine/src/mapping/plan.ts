import type { Failure, FailureSource } from '#failures';
import type { JsonValue, Lookup } from '#model';
import type { TemplateScope } from '../expressions/template-scope.js';
import type { Segment } from '../paths/index.js';
import type { Template } from '../template/index.js';

/** What both mappers, transforms and response mappings compile to before code is generated from it. */

/** Where a value comes from. Paths start at the root of the mapping's input. */
export type ValueSource =
  | { readonly kind: 'path'; readonly segments: readonly Segment[] }
  | { readonly kind: 'query'; readonly path: string }
  /** @property lookups dynamic ones that it reads as `lookup.<name>` */
  | { readonly kind: 'template'; readonly template: Template; readonly lookups: readonly LookupPlan[] }
  | { readonly kind: 'constant'; readonly value: JsonValue };

export type ScalarType = 'any' | 'string' | 'number' | 'boolean' | 'json';
export type ArrayType = 'stringarray' | 'numberarray' | 'booleanarray' | 'objectarray' | 'arrayarray';
export type FieldType = ScalarType | ArrayType | 'object' | 'indexed';

/** Values of one field, as the mapper wants them. */
export interface FieldPlan {
  /** Member of the target; absent for elements of arrays. Never the name of a prototype. */
  readonly generate?: string;
  /** The field's name in messages. */
  readonly label: string;
  readonly type: FieldType;
  readonly source?: ValueSource;
  /** Empty sources are written as they are (Mapper 1.0) instead of left out (2.0). */
  readonly keepEmpty: boolean;
  /** What came out empty is left out, whatever its source was (`discardIfEmpty` of Mapper 1.0). */
  readonly discardEmpty: boolean;
  /** Written when the source is empty; `undefined` means none, null is a value. */
  readonly fallback?: JsonValue;
  /** The field is left out when its source is empty, whatever the fallback. */
  readonly onlyIfPresent: boolean;
  /** The field is left out unless a lookup finds something, or unless it finds nothing. */
  readonly onlyIfLookup?: { readonly lookup: LookupPlan; readonly finds: boolean };
  /** Of a scalar, or of each element of an array of scalars. */
  readonly lookup?: LookupPlan;
  readonly date?: DateConversion;
  /** Members of an `object`; elements by index of an `indexed` array. */
  readonly members?: ObjectPlan;
  /** Parts of an array, appended in order. */
  readonly parts?: readonly ArrayPart[];
}

/** Members of an object. */
export type ObjectPlan =
  /** Each has a target of its own: the object is built at once. */
  | { readonly kind: 'fields'; readonly fields: readonly FieldPlan[] }
  /** Targets overlap: what comes later is laid over what is there. */
  | { readonly kind: 'assignments'; readonly assignments: readonly Assignment[] };

export interface Assignment {
  /** A path that {@link compileSetter} takes. */
  readonly target: string;
  readonly field: FieldPlan;
  /** Left out where the target holds something already. */
  readonly ignoreIfSet: boolean;
}

/** How one part of a target array is built. Reference: runtime §13 (`buildArrayHelper`). */
export interface ArrayPart {
  readonly source?: ValueSource;
  /** Members of each element; of arrays of arrays and of scalars, the values. Absent: the source's elements are copied. */
  readonly members?: ObjectPlan;
  /** Appended when the source gives no element. */
  readonly fallback?: JsonValue;
  /** Nothing is made of a source that gives no element: neither the default nor an empty array. */
  readonly onlyIfPresent: boolean;
  /** A source form that the API we follow turns into a null array without an error. */
  readonly nullsArray: boolean;
}

export interface LookupPlan {
  readonly name: string;
  /** Values of the static map; empty without one. */
  readonly map: ReadonlyMap<string, JsonValue>;
  /** Has a request, or reads a cache, behind its map. */
  readonly isDynamic: boolean;
  readonly allowFailures: boolean;
  readonly useDefaultOnMultipleMatches: boolean;
  /** Its default; null without one. */
  readonly fallback: JsonValue;
}

export interface DateConversion {
  readonly extractFormat?: string;
  readonly extractZone?: string;
  readonly generateFormat?: string;
  readonly generateZone?: string;
}

export interface MappingOptions {
  readonly lookups: readonly Lookup[];
  /** Source of the failures of records. */
  readonly source: FailureSource;
  /**
   * What `$` is: the record, an envelope of `record`, `settings`, `job`, `fileMeta` and the scope's roots, or the record with
   * `_CONTEXT` beside its fields (decision 23).
   */
  readonly input: 'record' | 'envelope' | 'settings';
  readonly scope: TemplateScope;
  /**
   * Decides `record_created`, `record_updated` and `immutable`; absent where nothing does. An import that decides for each
   * record compiles its mapping once for either.
   */
  readonly operation?: 'create' | 'update';
  /** Whether records come with {@link LookupAnswers}; without, mappings that use a dynamic lookup are refused. */
  readonly dynamicLookups?: boolean;
}

/** Everything that a dynamic lookup found for a record: nothing and several are no failures yet. Reference: runtime §14. */
export type LookupAnswer = { readonly matches: readonly JsonValue[] } | { readonly failure: Failure };

/**
 * What the dynamic lookups of a mapping gave for one record, found out before it is mapped: mapping does no I/O.
 *
 * @param value what the field extracts; undefined when it extracts nothing
 * @returns undefined for a lookup that was not asked, which fails the record
 */
export type LookupAnswers = (lookupName: string, value: JsonValue | undefined) => LookupAnswer | undefined;

/** A mapping that cannot be compiled. */
export class MappingCompileError extends Error {
  override readonly name = 'MappingCompileError';
  constructor(
    readonly code: 'invalid_value' | 'not_supported',
    message: string,
  ) {
    super(message);
  }
}

/** Thrown by generated code and caught by its caller: the failure of one record. */
export class MappingFailure extends Error {
  override readonly name = 'MappingFailure';
  constructor(readonly failure: Omit<Failure, 'source'> & Partial<Pick<Failure, 'source'>>) {
    super(failure.message);
  }
}
