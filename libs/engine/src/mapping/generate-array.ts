import type { CodeWriter } from '../code/code-writer.js';
import { every, type Segment } from '../paths/index.js';
import type { JsonValue } from '#model';
import { append, asList, convertDate, elementCasts, joinPart, type ElementCast } from './casts.js';
import { compileComposites } from './composite.js';
import { lookUp } from './lookups.js';
import type { ArrayPart, ArrayType, FieldPlan, ObjectPlan, ValueSource } from './plan.js';
import { elementScope, readExpression, resolve, type Scope } from './scope.js';
import { constantExpression, sourceExpression } from './source-code.js';

/** Emits what stands inside of elements; the generator of fields gives itself. */
export interface Emitters {
  /** @returns the variable with the field's value */
  readonly field: (code: CodeWriter, field: FieldPlan, scope: Scope) => string;
  /** @returns the variable with an object of the members */
  readonly object: (code: CodeWriter, members: ObjectPlan, scope: Scope) => string;
}

/** Emits an array of parts, appended in order; undefined when there is nothing to make it from. Reference: runtime §13. */
export function emitArray(code: CodeWriter, field: FieldPlan, type: ArrayType, scope: Scope, emit: Emitters): string {
  const result = code.declare('undefined');
  const parts = field.parts ?? [];
  // Observed of the API we follow: the whole array is null, without an error (runtime §13).
  if (parts.some((part) => part.nullsArray)) return code.declare('null');
  const array: ArrayCode = { code, field, type, scope, emit };
  for (const part of parts) emitPart(array, part, result);
  if (field.fallback !== undefined && !field.onlyIfPresent) {
    const isMissing = `${result} === undefined || ${result}.length === 0`;
    code.line(`if (${isMissing}) ${result} = ${constantExpression(code, field.fallback)};`);
  }
  return result;
}

/** What is the same for all parts of an array. */
interface ArrayCode {
  readonly code: CodeWriter;
  readonly field: FieldPlan;
  readonly type: ArrayType;
  readonly scope: Scope;
  readonly emit: Emitters;
}

/** A part with terms of its own is gathered apart and then joined. */
function emitPart(array: ArrayCode, part: ArrayPart, whole: string): void {
  const { code } = array;
  code.line('{');
  if (part.onlyIfPresent || part.fallback !== undefined) {
    const gathered = code.declare('undefined');
    emitElements(array, part, gathered);
    const terms = code.constant({ onlyIfPresent: part.onlyIfPresent, ...defaultOf(part) });
    code.line(`${whole} = ${code.constant(joinPart)}(${whole}, ${gathered}, ${terms});`);
  } else {
    emitElements(array, part, whole);
  }
  code.line('}');
}

function defaultOf(part: ArrayPart): { readonly fallback?: JsonValue } {
  return part.fallback === undefined ? {} : { fallback: part.fallback };
}

function emitElements(array: ArrayCode, part: ArrayPart, result: string): void {
  const { code, field, scope } = array;
  const { source, members } = part;
  if (members === undefined) {
    const value = code.declare(sourceExpression(code, source, scope));
    const cast = code.constant(elementCast(array));
    const push = `${code.constant(append)}(${result} ??= [], ${value}, ${cast}, ${JSON.stringify(field.label)}, answers);`;
    code.line(`if (${value} !== undefined && ${value} !== null && ${value} !== "") ${push}`);
    return;
  }
  const emitElement = (inner: Scope) => emitMembers(array, members, result, inner);
  const isWhole = source?.kind === 'path' && source.segments.length === 0;
  if (source === undefined || isWhole) emitElement(scope);
  else if (source.kind === 'path') emitLoops(code, source.segments, result, scope, emitElement);
  else emitQueryLoop(code, source, result, scope, emitElement);
}

function emitMembers(array: ArrayCode, members: ObjectPlan, result: string, scope: Scope): void {
  const { code, field, type, emit } = array;
  if (type === 'objectarray') {
    const element = emit.object(code, members, scope);
    code.line(`if (${element} !== undefined) (${result} ??= []).push(${element});`);
    return;
  }
  // Only objects have assignments; values without a name are the elements themselves.
  for (const child of members.kind === 'fields' ? members.fields : []) {
    const value = emit.field(code, child, scope);
    code.line(
      type === 'arrayarray'
        ? `if (${value} !== undefined) (${result} ??= []).push(${value});`
        : `${code.constant(append)}(${result} ??= [], ${value}, ${code.constant(elementCast(array))}, ${JSON.stringify(field.label)}, answers);`,
    );
  }
}

/** Lookup, date, type: the conversions of scalars, for each element. */
function elementCast({ field, type }: ArrayCode): ElementCast {
  const cast = elementCasts[type];
  const { lookup, date } = field;
  if (lookup === undefined && date === undefined) return cast;
  return (element, label, answers) => {
    const found = lookup === undefined ? element : lookUp(element, lookup, label, answers);
    if (found === null) return null;
    return cast(date === undefined ? found : convertDate(found, date, label), label);
  };
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
    const source = code.declare(readExpression(code, current, names, scope));
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
    hoisted: scope.hoisted,
  });
  code.line('}');
}
