import type { Failure, FailureSource } from '#failures';
import type { Export, Import, JsonRecord, JsonValue } from '#model';
import { engineCodes } from '../codes.js';
import type { FunctionOutcome, FunctionReference, Functions } from '../functions.js';
import type { FlowPlan } from '../program.js';
import type { RunContext } from '../run-context.js';
import type { CompileFailures } from './compile-failures.js';
import { stepScope } from './step-scope.js';

/** A user's function at its place in a flow. Reference: runtime §16. */
export interface UserFunction {
  readonly reference: FunctionReference;
  /** Source of its failures. Reference: errors §3. */
  readonly source: FailureSource;
  /** The options that every function of the step gets (runtime §16.1). */
  readonly common: (run: RunContext) => JsonRecord;
}

/** How resources name a function. */
export interface NamedFunction {
  readonly function?: string | undefined;
  readonly _scriptId?: string | undefined;
  readonly _stackId?: string | undefined;
  readonly configuration?: JsonRecord | undefined;
}

/** The step that a function belongs to. */
export interface FunctionPlace {
  readonly plan: FlowPlan;
  readonly kind: 'export' | 'import';
  readonly step: (Export | Import) & { readonly _id: string };
}

/**
 * Compiles the reference to a user's function; undefined for stubs, which the API accepts and which do nothing
 * (resources §5.2).
 *
 * @param use names the function's place among those of its step, such as `preMap`
 */
export function compileFunction(
  named: NamedFunction | undefined,
  use: string,
  source: FailureSource,
  place: FunctionPlace,
  failures: CompileFailures,
): UserFunction | undefined {
  const { plan, kind, step } = place;
  const owner: FunctionOwner = {
    plan,
    id: step._id,
    stepId: step._id,
    options: {
      [kind === 'export' ? '_exportId' : '_importId']: step._id,
      _connectionId: step._connectionId,
      settings: stepScope(plan, kind, step).settings,
    },
  };
  return compileOwned(named, use, source, owner, failures);
}

/** What a function belongs to: a step, or a router. */
export interface FunctionOwner {
  readonly plan: FlowPlan;
  /** Unique among the owners of the flow. */
  readonly id: string;
  /** Absent: it is no step. */
  readonly stepId?: string;
  /** Options of all functions of the owner, beside those that every function of the flow gets (runtime §16.1). */
  readonly options: JsonRecord;
}

/** {@link compileFunction}, for whatever owns a function. */
export function compileOwned(
  named: NamedFunction | undefined,
  use: string,
  source: FailureSource,
  { plan, id, stepId, options }: FunctionOwner,
  failures: CompileFailures,
): UserFunction | undefined {
  if (named === undefined || (named._scriptId === undefined && named._stackId === undefined)) return undefined;
  if (named.function === undefined || named.function === '') {
    failures.add('invalid_flow', `The function of ${use} has no name.`, stepId);
    return undefined;
  }
  const home = homeOf(named);
  if (!exists(home, plan)) {
    const where = 'scriptId' in home ? `script ${home.scriptId}` : `stack ${home.stackId}`;
    failures.add('invalid_flow', `The ${where} of ${use} does not exist.`, stepId);
    return undefined;
  }
  const fixed: JsonRecord = {
    ...options,
    _flowId: plan.flow._id,
    _integrationId: plan.flow._integrationId,
    _parentIntegrationId: plan.parentIntegrationId,
  };
  return {
    reference: {
      home,
      name: named.function,
      instance: `${id}/${use}`,
      ...(named.configuration === undefined ? {} : { configuration: named.configuration }),
    },
    source,
    common: (run) => ({ ...fixed, testMode: run.testMode, job: run.job }),
  };
}

function homeOf({ _scriptId, _stackId }: NamedFunction): FunctionReference['home'] {
  return _scriptId === undefined ? { stackId: _stackId! } : { scriptId: _scriptId };
}

function exists(home: FunctionReference['home'], { scripts, stacks }: FlowPlan): boolean {
  return 'scriptId' in home ? scripts?.[home.scriptId] !== undefined : stacks?.[home.stackId] !== undefined;
}

/** Compiles a function that the step cannot do without: a filter or transform that is a script, but names none, fails. */
export function compileRequiredFunction(
  named: NamedFunction | undefined,
  use: string,
  source: FailureSource,
  place: FunctionPlace,
  failures: CompileFailures,
): UserFunction | undefined {
  if (named?._scriptId === undefined && named?._stackId === undefined) {
    failures.add('invalid_flow', `The ${use} is a script, but names none.`, place.step._id);
    return undefined;
  }
  return compileFunction(named, use, source, place, failures);
}

/** Calls a function with a whole page. */
export async function callFunction(
  { reference, source, common }: UserFunction,
  options: JsonRecord,
  run: RunContext,
  functions: Functions,
): Promise<{ readonly value: JsonValue | undefined } | { readonly failure: Failure }> {
  return withSource(await functions.call(reference, { ...common(run), ...options }), source);
}

/** Calls a function once per record of a page. */
export async function callForEach(
  { reference, source, common }: UserFunction,
  each: readonly JsonRecord[],
  run: RunContext,
  functions: Functions,
): Promise<readonly ({ readonly value: JsonValue | undefined } | { readonly failure: Failure })[]> {
  const outcomes = await functions.callEach(reference, common(run), each);
  return outcomes.map((outcome) => withSource(outcome, source));
}

function withSource(outcome: FunctionOutcome, source: FailureSource) {
  return 'failure' in outcome ? { failure: { ...outcome.failure, source } } : outcome;
}

/** The function returned something else than its contract says. Reference: runtime §16.1. */
export function invalidReturn(source: FailureSource, message: string): Failure {
  return { code: engineCodes.invalid_extension_response.code, message, source };
}

/** @returns the elements, or why they are not one for each of `expected` */
export function elementsOf(
  value: JsonValue | undefined,
  expected: number,
  source: FailureSource,
): readonly (JsonValue | undefined)[] | Failure {
  if (!Array.isArray(value)) {
    return invalidReturn(source, `The function must return an array of ${expected} elements; it returned none.`);
  }
  if (value.length === expected) return value;
  return invalidReturn(
    source,
    `The number of elements in the return value must match the input: expected ${expected}, received ${value.length}.`,
  );
}
