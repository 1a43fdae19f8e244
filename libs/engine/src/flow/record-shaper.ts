import type { Failure } from '#failures';
import type { Export, JsonValue, TransformExpression } from '#model';
import type { TemplateScope } from '../expressions/template-scope.js';
import type { Functions } from '../functions.js';
import type { RunContext } from '../program.js';
import { compileTransform } from '../transform/index.js';
import { verdictOf } from './admit.js';
import { valuesOf } from '../filter/index.js';
import type { CompileFailures } from './compile-failures.js';
import { compileStepFilter } from './step-filter.js';
import {
  callForEach,
  compileRequiredFunction,
  invalidReturn,
  type FunctionPlace,
  type UserFunction,
} from './user-function.js';

/** What shaping made of a record; null when it was dropped. */
export type Shaped = { readonly value: JsonValue } | { readonly failure: Failure } | null;

/** Transform, then output filter. Reference: runtime §7. */
export type RecordShaper =
  | { readonly hasScripts: false; readonly shape: (record: JsonValue, run: RunContext) => Shaped }
  /** Scripts are called once per page, for all of its records. */
  | {
      readonly hasScripts: true;
      readonly shapeAll: (
        records: readonly JsonValue[],
        run: RunContext,
        functions: Functions,
      ) => Promise<readonly Shaped[]>;
    };

type PageStage = (shaped: readonly Shaped[], run: RunContext, functions: Functions) => Promise<readonly Shaped[]>;
type RecordStage = (record: JsonValue, run: RunContext) => Shaped;

/** @returns undefined when records pass as they are */
export function compileShaper(
  transform: TransformExpression | undefined,
  filter: Export['filter'],
  scope: TemplateScope,
  place: FunctionPlace,
  failures: CompileFailures,
  use = 'transform',
): RecordShaper | undefined {
  const stages = [
    ...transformStage(transform, scope, place, failures, use),
    ...filterStage(filter, scope, place, failures),
  ];
  if (stages.length === 0) return undefined;
  if (stages.every((stage) => 'ofRecord' in stage)) {
    const [first, second] = stages.map(({ ofRecord }) => ofRecord);
    if (second === undefined) return { hasScripts: false, shape: first! };
    return {
      hasScripts: false,
      shape: (record, run) => {
        const shaped = first!(record, run);
        return shaped === null || 'failure' in shaped ? shaped : second(shaped.value, run);
      },
    };
  }
  const pageStages = stages.map((stage) => ('ofRecord' in stage ? eachOf(stage.ofRecord) : stage.ofPage));
  return {
    hasScripts: true,
    shapeAll: async (records, run, functions) => {
      let shaped: readonly Shaped[] = records.map((value) => ({ value }));
      for (const stage of pageStages) shaped = await stage(shaped, run, functions);
      return shaped;
    },
  };
}

type Stage = { readonly ofRecord: RecordStage } | { readonly ofPage: PageStage };

function transformStage(
  transform: TransformExpression | undefined,
  scope: TemplateScope,
  place: FunctionPlace,
  failures: CompileFailures,
  use: string,
): readonly Stage[] {
  const compiled = failures.take(compileTransform(transform, scope), place.step._id);
  if (compiled === undefined || 'identity' in compiled) return [];
  if ('map' in compiled) return [{ ofRecord: compiled.map }];
  const script = compileRequiredFunction(compiled.script, use, 'transformation', place, failures);
  if (script === undefined) return [];
  const nothing = invalidReturn(script.source, 'A transform script must return the record; it returned nothing.');
  return [
    { ofPage: byScript(script, (value) => (value === undefined || value === null ? { failure: nothing } : { value })) },
  ];
}

function filterStage(
  filter: Export['filter'],
  scope: TemplateScope,
  place: FunctionPlace,
  failures: CompileFailures,
): readonly Stage[] {
  const compiled = compileStepFilter(filter, 'output_filter', scope.settings, place, failures);
  if (compiled === undefined) return [];
  if ('script' in compiled) {
    const { script } = compiled;
    return [
      {
        ofPage: byScript(script, (value, record) => {
          const verdict = verdictOf(value, script);
          if (typeof verdict === 'object') return { failure: verdict };
          return verdict ? { value: record } : null;
        }),
      },
    ];
  }
  const { keeps } = compiled;
  return [
    {
      ofRecord: (record, run) => {
        const verdict = keeps(record, valuesOf(run));
        if (typeof verdict === 'object') return { failure: verdict };
        return verdict ? { value: record } : null;
      },
    },
  ];
}

function eachOf(stage: RecordStage): PageStage {
  return async (shaped, run) => shaped.map((one) => (one === null || 'failure' in one ? one : stage(one.value, run)));
}

function byScript(script: UserFunction, use: (value: JsonValue | undefined, record: JsonValue) => Shaped): PageStage {
  return async (shaped, run, functions) => {
    const open: { readonly at: number; readonly record: JsonValue }[] = [];
    shaped.forEach((one, at) => {
      if (one !== null && 'value' in one) open.push({ at, record: one.value });
    });
    const each = open.map(({ record }) => ({ record }));
    const outcomes = each.length === 0 ? [] : await callForEach(script, each, run, functions);
    const next = [...shaped];
    open.forEach(({ at, record }, ordinal) => {
      const outcome = outcomes[ordinal]!;
      next[at] = 'failure' in outcome ? outcome : use(outcome.value, record);
    });
    return next;
  };
}
