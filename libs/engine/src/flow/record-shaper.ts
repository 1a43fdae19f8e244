import type { Failure } from '#failures';
import type { Export, JsonRecord, JsonValue, TransformExpression } from '#model';
import type { TemplateScope } from '../expressions/template-scope.js';
import type { Functions } from '../functions.js';
import type { RunContext } from '../run-context.js';
import type { StageEntry, StageName, StageWatch } from '../stages.js';
import { compileTransform } from '../transform/index.js';
import { valuesOf } from '../filter/index.js';
import { compileExtract } from '../paths/index.js';
import type { CompileFailures } from './compile-failures.js';
import { compileStepFilter } from './step-filter.js';
import {
  callForEach,
  compileRequiredFunction,
  invalidReturn,
  type FunctionPlace,
  type UserFunction,
} from './user-function.js';
import { verdictOf } from './verdict.js';

/** What shaping made of a record; null when it was dropped. */
export type Shaped = { readonly value: JsonValue } | { readonly failure: Failure } | null;

/** Transform, then output filter. Reference: runtime §7. */
export type RecordShaper = { readonly stages: readonly NamedStage[] } & (
  | { readonly hasScripts: false; readonly shape: (record: JsonValue, run: RunContext) => Shaped }
  /** Scripts are called once per page, for all of its records: {@link shapePage}. */
  | { readonly hasScripts: true }
);

/** One stage by itself, for a whole page. */
interface NamedStage {
  readonly name: StageName;
  readonly shapeAll: PageStage;
}

type PageStage = (
  shaped: readonly Shaped[],
  run: RunContext,
  functions: Functions,
  fileMetas: FileMetas,
) => Promise<readonly Shaped[]>;
/** By position of a record: the file that it came from; undefined where nobody asks. */
export type FileMetas = readonly (JsonRecord | undefined)[] | undefined;
type RecordStage = (record: JsonValue, run: RunContext) => Shaped;

/** @returns undefined when records pass as they are */
export function compileShaper(
  transform: TransformExpression | undefined,
  filter: Export['filter'],
  scope: TemplateScope,
  place: FunctionPlace,
  failures: CompileFailures,
  use: 'transform' | 'responseTransform' = 'transform',
  onceField?: string,
): RecordShaper | undefined {
  const stages = [
    ...onceStage(onceField, place, failures),
    ...transformStage(transform, scope, place, failures, use),
    ...filterStage(filter, scope, place, failures),
  ];
  if (stages.length === 0) return undefined;
  const named = stages.map((stage): NamedStage => ({ name: stage.name, shapeAll: pageStageOf(stage) }));
  if (stages.every((stage) => 'ofRecord' in stage)) {
    const shape = stages.map(({ ofRecord }) => ofRecord).reduce(inTurn);
    return { stages: named, hasScripts: false, shape };
  }
  return { stages: named, hasScripts: true };
}

function inTurn(first: RecordStage, second: RecordStage): RecordStage {
  return (record, run) => {
    const shaped = first(record, run);
    return shaped === null || 'failure' in shaped ? shaped : second(shaped.value, run);
  };
}

/** Shapes a page stage by stage, and reports to a watcher what each made of it. */
export async function shapePage(
  { stages }: RecordShaper,
  records: readonly JsonValue[],
  run: RunContext,
  functions: Functions,
  stepId: string,
  watch: StageWatch | undefined,
  fileMetas?: FileMetas,
): Promise<readonly Shaped[]> {
  let shaped: readonly Shaped[] = records.map((value) => ({ value }));
  for (const { name, shapeAll } of stages) {
    const before = shaped;
    shaped = await shapeAll(before, run, functions, fileMetas);
    watch?.({ stepId, name, entries: entriesOf(before, shaped) });
  }
  return shaped;
}

function entriesOf(before: readonly Shaped[], after: readonly Shaped[]): readonly StageEntry[] {
  return before.flatMap((one, index): readonly StageEntry[] => {
    if (one === null || 'failure' in one) return [];
    const made = after[index] ?? null;
    if (made === null) return [{ index, input: one.value }];
    const outcome = 'failure' in made ? { failures: [made.failure] } : { output: made.value };
    return [{ index, input: one.value, ...outcome }];
  });
}

type Stage = { readonly name: StageName } & ({ readonly ofRecord: RecordStage } | { readonly ofPage: PageStage });

function pageStageOf(stage: Stage): PageStage {
  return 'ofRecord' in stage ? eachOf(stage.ofRecord) : stage.ofPage;
}

/** Leaves out the records whose flag says that they were exported already. */
function onceStage(field: string | undefined, { step }: FunctionPlace, failures: CompileFailures): readonly Stage[] {
  if (field === undefined) return [];
  const read = compileExtract(field);
  if (read === null) {
    failures.add('invalid_value', `The field ${field} of once.booleanField is malformed.`, step._id);
    return [];
  }
  const isTrue = (value: unknown): boolean => value === true || value === 1 || value === 'true';
  return [{ name: 'outputFilter', ofRecord: (record) => (isTrue(read(record)) ? null : { value: record }) }];
}

function transformStage(
  transform: TransformExpression | undefined,
  scope: TemplateScope,
  place: FunctionPlace,
  failures: CompileFailures,
  use: 'transform' | 'responseTransform',
): readonly Stage[] {
  const compiled = failures.take(compileTransform(transform, scope), place.step._id);
  if (compiled === undefined || 'identity' in compiled) return [];
  if ('map' in compiled) return [{ name: use, ofRecord: compiled.map }];
  const script = compileRequiredFunction(compiled.script, use, 'transformation', place, failures);
  if (script === undefined) return [];
  const nothing = invalidReturn(script.source, 'A transform script must return the record; it returned nothing.');
  return [
    {
      name: use,
      ofPage: byScript(script, (value) => (value === undefined || value === null ? { failure: nothing } : { value })),
    },
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
        name: 'outputFilter',
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
      name: 'outputFilter',
      ofRecord: (record, run) => {
        const verdict = keeps(record, valuesOf(run));
        if (typeof verdict === 'object') return { failure: verdict };
        return verdict ? { value: record } : null;
      },
    },
  ];
}

function eachOf(stage: RecordStage): PageStage {
  return async (shaped, run, _, fileMetas) =>
    shaped.map((one, at) => (one === null || 'failure' in one ? one : stage(one.value, ofFile(run, fileMetas?.[at]))));
}

/** The context of a record that came from a file. */
export function ofFile(run: RunContext, fileMeta: JsonRecord | undefined): RunContext {
  return fileMeta === undefined ? run : { ...run, fileMeta };
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
