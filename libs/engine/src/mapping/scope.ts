import type { JsonRecord, JsonValue } from '#model';
import type { CodeWriter } from '../code/code-writer.js';
import { memberExpression } from '../code/member-expression.js';
import { compileSegments, every, type Segment } from '../paths/index.js';
import type { RunContext } from '../run-context.js';
import { replaceAt } from './composite.js';
import { Hoisted, pathsOf } from './hoist.js';
import type { MappingOptions, ObjectPlan } from './plan.js';

/** Where generated code finds what stands at a path of the mapping's input. */

/** A variable that holds what stands at a path of the input. */
export interface Binding {
  readonly path: readonly string[];
  readonly variable: string;
  /** Stands for the element of an array at the path, so `[*]` behind it means the element itself. */
  readonly isElement: boolean;
}

export interface Scope {
  readonly options: MappingOptions;
  readonly bindings: readonly Binding[];
  /** Expression of the whole input, elements in place of their arrays. */
  readonly whole: string;
  /** Expression of the record within the input. */
  readonly wholeRecord: string;
  /** Variable that keeps the context of templates, built when the first one is rendered. */
  readonly context: string;
  readonly hoisted: Hoisted;
}

/** Variable of the record in generated code. */
const recordVariable = 'record';

export function rootScope(code: CodeWriter, plan: ObjectPlan, options: MappingOptions): Scope {
  const scope = declareRoot(code, options);
  const paths = pathsOf(plan).map((segments) => resolve(segments, scope));
  scope.hoisted.declare(paths.filter(({ base }) => base === recordVariable).map(({ rest }) => rest));
  return scope;
}

function declareRoot(code: CodeWriter, options: MappingOptions): Scope {
  const context = code.declare('undefined');
  const hoisted = new Hoisted(code, recordVariable);
  const record: Binding = { path: [], variable: 'record', isElement: false };
  if (options.input === 'record') {
    return { options, bindings: [record], whole: 'record', wholeRecord: 'record', context, hoisted };
  }
  const whole = code.declare('undefined');
  const { scope } = options;
  if (options.input === 'settings') {
    const build = code.constant((value: JsonValue, run: RunContext) => ({
      ...(value as JsonRecord),
      _CONTEXT: { settings: scope.settings, job: run.job },
    }));
    const settings: Binding = {
      path: ['_CONTEXT', 'settings'],
      variable: code.constant(scope.settings),
      isElement: false,
    };
    return {
      options,
      // The record holds no `_CONTEXT` of its own: paths into it go through the whole.
      bindings: [
        record,
        { path: ['_CONTEXT'], variable: `(${whole} ??= ${build}(record, run))._CONTEXT`, isElement: false },
        settings,
      ],
      whole: `(${whole} ??= ${build}(record, run))`,
      wholeRecord: 'record',
      context,
      hoisted,
    };
  }
  const build = code.constant((value: JsonValue, run: RunContext) => ({
    ...scope.roots,
    record: value,
    settings: scope.settings,
    job: run.job,
    testMode: run.testMode,
    ...(run.fileMeta === undefined ? {} : { fileMeta: run.fileMeta }),
  }));
  return {
    options,
    bindings: [
      { path: [], variable: `(${whole} ??= ${build}(record, run))`, isElement: false },
      { path: ['record'], variable: 'record', isElement: false },
      { path: ['settings'], variable: code.constant(scope.settings), isElement: false },
    ],
    whole: `(${whole} ??= ${build}(record, run))`,
    wholeRecord: 'record',
    context,
    hoisted,
  };
}

const startsWith = (path: readonly Segment[], prefix: readonly string[]) =>
  prefix.length <= path.length && prefix.every((name, index) => path[index] === name);

/** Where to start reading a path: the deepest bound value above it, and the rest of the path from there. */
export function resolve(
  segments: readonly Segment[],
  scope: Scope,
): { base: string; at: readonly string[]; rest: readonly Segment[] } {
  const path: Segment[] = [];
  for (const segment of segments) {
    const standsForElement =
      segment === every &&
      scope.bindings.some(
        (binding) => binding.isElement && binding.path.length === path.length && startsWith(path, binding.path),
      );
    if (!standsForElement) path.push(segment);
  }
  // A value around a bound element must show the element in place of the array.
  const surrounds = scope.bindings.some(
    (binding) => binding.isElement && binding.path.length > path.length && startsWith(binding.path, path as string[]),
  );
  if (surrounds && !path.includes(every)) return { base: scope.whole, at: [], rest: path };
  let best: Binding | undefined;
  for (const binding of scope.bindings) {
    if (startsWith(path, binding.path) && binding.path.length >= (best?.path.length ?? 0)) best = binding;
  }
  const from = best?.path.length ?? 0;
  return { base: best?.variable ?? scope.whole, at: best?.path ?? [], rest: path.slice(from) };
}

export function readExpression(code: CodeWriter, base: string, names: readonly string[], scope: Scope): string {
  return base === recordVariable ? scope.hoisted.read(names) : memberExpression(code, base, names);
}

export function pathExpression(code: CodeWriter, segments: readonly Segment[], scope: Scope): string {
  const { base, rest } = resolve(segments, scope);
  const wildcard = rest.indexOf(every);
  if (wildcard < 0) return readExpression(code, base, rest as readonly string[], scope);
  return `${code.constant(compileSegments(rest))}(${base})`;
}

export function elementScope(code: CodeWriter, scope: Scope, path: readonly string[], element: string): Scope {
  const whole = code.declare('undefined');
  const context = code.declare('undefined');
  const replace = code.constant(replaceAt);
  const wholeExpression = `(${whole} ??= ${replace}(${scope.whole}, ${JSON.stringify(path)}, ${element}))`;
  return {
    options: scope.options,
    bindings: [...scope.bindings, { path, variable: element, isElement: true }],
    whole: wholeExpression,
    wholeRecord: scope.options.input === 'envelope' ? `${wholeExpression}.record` : wholeExpression,
    context,
    hoisted: scope.hoisted,
  };
}
