import type { CodeWriter } from '../code/code-writer.js';
import { every, type Segment } from '../paths/index.js';
import { append, asList, elementCasts, isEmptySource } from './casts.js';
import { compileComposites } from './composite.js';
import type { ArrayPart, ArrayType, FieldPlan, ValueSource } from './plan.js';
import { elementScope, memberExpression, resolve, type Scope } from './scope.js';
import { constantExpression, sourceExpression } from './source-code.js';

/** Emits what stands inside of elements; the generator of fields gives itself. */
export interface Emitters {
  /** @returns the variable with the field's value */
  readonly field: (code: CodeWriter, field: FieldPlan, scope: Scope) => string;
  /** @returns the variable with an object of the fields */
  readonly object: (code: CodeWriter, fields: readonly FieldPlan[], scope: Scope) => string;
}

/** Emits an array of parts, appended in order; undefined when there is nothing to make it from. Reference: runtime §13. */
export function emitArray(code: CodeWriter, field: FieldPlan, type: ArrayType, scope: Scope, emit: Emitters): string {
  const result = code.declare('undefined');
  for (const part of field.parts ?? []) {
    if (part.nullsArray) {
      // Observed of the API we follow: the whole array is null, without an error (runtime §13).
      code.line(`${result} = null;`);
      return result;
    }
    emitPart(code, field, type, part, result, scope, emit);
  }
  const isMissing =
    field.fallback === undefined || field.onlyIfPresent
      ? null
      : `${result} === undefined || ${result} !== null && ${result}.length === 0`;
  if (isMissing !== null) code.line(`if (${isMissing}) ${result} = ${constantExpression(code, field.fallback)};`);
  return result;
}

function emitPart(
  code: CodeWriter,
  field: FieldPlan,
  type: ArrayType,
  part: ArrayPart,
  result: string,
  scope: Scope,
  emit: Emitters,
): void {
  const label = JSON.stringify(field.label);
  const emitElement = (inner: Scope) => {
    if (type === 'arrayarray') {
      for (const child of part.fields ?? []) {
        const value = emit.field(code, child, inner);
        code.line(`if (${value} !== undefined) (${result} ??= []).push(${value});`);
      }
    } else if (type === 'objectarray') {
      const element = emit.object(code, part.fields ?? [], inner);
      code.line(`if (${element} !== undefined) (${result} ??= []).push(${element});`);
    } else {
      for (const child of part.fields ?? []) {
        const value = emit.field(code, child, inner);
        code.line(
          `${code.constant(append)}(${result} ??= [], ${value}, ${code.constant(elementCasts[type])}, ${label});`,
        );
      }
    }
  };
  const isWhole = part.source?.kind === 'path' && part.source.segments.length === 0 && part.fields !== undefined;
  if (part.fields !== undefined && (part.source === undefined || isWhole)) {
    code.line('{');
    emitElement(scope);
    code.line('}');
    return;
  }
  code.line('{');
  if (part.fields === undefined) {
    const value = code.declare(sourceExpression(code, part.source, scope));
    const fallback =
      part.fallback === undefined
        ? ''
        : `if (${code.constant(isEmptySource)}(${value})) ${value} = ${constantExpression(code, part.fallback)};`;
    code.line(fallback);
    const cast = code.constant(elementCasts[type]);
    code.line(
      `if (${value} !== undefined && ${value} !== null && ${value} !== "") ${code.constant(append)}(${result} ??= [], ${value}, ${cast}, ${label});`,
    );
  } else if (part.source?.kind === 'path') {
    emitLoops(code, part.source.segments, result, scope, emitElement);
  } else {
    emitQueryLoop(code, part.source, result, scope, emitElement);
  }
  code.line('}');
}

/** Nested loops over the arrays of a path; each binds its element, so that no composite object is built for plain paths. */
function emitLoops(
  code: CodeWriter,
  segments: readonly Segment[],
  result: string,
  scope: Scope,
  emitElement: (scope: Scope) => void,
): void {
  const { base, at, rest } = resolve(segments, scope);
  const groups: string[][] = [[]];
  for (const segment of rest) {
    if (segment === every) groups.push([]);
    else groups.at(-1)?.push(segment);
  }
  // What remains behind the last `[*]` may itself be an array: its elements are the elements.
  if (groups.length > 1 && groups.at(-1)?.length === 0) groups.pop();
  let current = base;
  let path = at;
  let inner = scope;
  let open = 0;
  for (const names of groups) {
    const source = code.declare(memberExpression(code, current, names));
    // An empty source array makes an empty target array; a missing one leaves the field out.
    if (open === 0) code.line(`if (Array.isArray(${source})) ${result} ??= [];`);
    const element = code.name();
    code.line(`for (const ${element} of ${code.constant(asList)}(${source})) {`);
    open += 1;
    path = [...path, ...names];
    inner = elementScope(code, inner, path, element);
    current = element;
  }
  emitElement(inner);
  code.line('}'.repeat(open));
}

/** Elements of a path that only the JSONPath library understands; children read from composites. */
function emitQueryLoop(
  code: CodeWriter,
  source: ValueSource | undefined,
  result: string,
  scope: Scope,
  emitElement: (scope: Scope) => void,
): void {
  const elements = source?.kind === 'query' ? `${code.constant(compileComposites(source.path))}(${scope.whole})` : null;
  const list = elements ?? `${code.constant(asList)}(${sourceExpression(code, source, scope)})`;
  const element = code.name();
  code.line(`${result} ??= [];`);
  code.line(`for (const ${element} of ${list}) {`);
  const context = code.declare('undefined');
  const root = scope.options.input;
  emitElement({
    options: scope.options,
    bindings: [{ path: [], variable: element, isElement: false }],
    whole: element,
    wholeRecord: root === 'envelope' ? `${element}.record` : element,
    context,
  });
  code.line('}');
}
