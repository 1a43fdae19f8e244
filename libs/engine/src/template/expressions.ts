import type { CodeWriter } from '../code/code-writer.js';
import { firstMissing, member, memberCode } from './access.js';
import { helperCatalogue, type HelperDefinition } from './helpers/catalogue.js';
import { comparison, isTruthy } from './helpers/conditions.js';
import { ancestor, contextCode, mayReachRoot, type Scope, turnCode } from './scope.js';
import { maxNesting, TemplateSyntaxError } from './syntax.js';
import type { StaticLookups } from './template.js';
import { charged, made } from './work.js';

type Expression = hbs.AST.Expression;

/** What mustaches, blocks and sub-expressions have in common. */
export interface Call {
  readonly type: string;
  readonly path: unknown;
  readonly params: readonly Expression[];
  readonly hash?: hbs.AST.Hash;
}

/** Names of the generated function's own variables. */
export const rootName = 'root';
export const environmentName = 'environment';

/** Helpers that mean something without arguments; any other helper name alone is a field of the record. */
const helpersWithoutArguments: ReadonlySet<string> = new Set(['timestamp']);
/** Roots that exist only while a request is being signed. Reference: handlebars §7. */
const requestRoots: ReadonlySet<string> = new Set(['hashOptions', 'hmacOptions']);

/** Turns the expressions of a template into JavaScript expressions, and learns what they read. */
export class Expressions {
  /** First segments of the paths that reach the root context; `''` stands for the root itself or any of it. */
  readonly roots = new Set<string>();
  /** Set when an expression needs the request that is being built. */
  readsRequest = false;
  /** Units of work of the expressions so far, beyond what depends on values. */
  cost = 0;
  #depth = 0;

  constructor(
    private readonly code: CodeWriter,
    private readonly staticLookups: StaticLookups,
  ) {}

  /** @throws TemplateSyntaxError when blocks or sub-expressions are nested too deep */
  nested<T>(generate: () => T): T {
    this.#depth += 1;
    if (this.#depth > maxNesting) throw new TemplateSyntaxError(`Blocks and helpers nest ${maxNesting} deep at most.`);
    const result = generate();
    this.#depth -= 1;
    return result;
  }

  /** The helper that is called; null when a value is read. */
  helperOf(call: Call): string | null {
    const path = call.path as hbs.AST.PathExpression;
    const hasArguments = call.params.length > 0 || (call.hash?.pairs.length ?? 0) > 0;
    const name = path.type === 'PathExpression' && !path.data && path.depth === 0 ? singleName(path) : null;
    if (name !== null && helperCatalogue.has(name)) {
      if (hasArguments || call.type === 'SubExpression' || helpersWithoutArguments.has(name)) return name;
    } else if (hasArguments) {
      throw new TemplateSyntaxError(`The helper '${path.original}' is not known.`);
    }
    return null;
  }

  /** The value of a call or of the path it names. */
  call(call: Call, scope: Scope): string {
    const helper = this.helperOf(call);
    return helper === null ? this.callee(call, scope).code : this.helper(helper, call, scope);
  }

  /**
   * The value that a call without arguments reads.
   *
   * @param strict the code throws when the value is missing
   */
  callee(call: Call, scope: Scope, strict = false): { readonly code: string } {
    const path = call.path as hbs.AST.PathExpression;
    const { base, names } = path.type === 'PathExpression' ? this.#resolve(path, scope) : this.#field(path, scope);
    const code = memberCode(base, names, this.code.constant(member));
    if (!strict) return { code };
    return { code: `${this.code.constant(present)}(${code}, ${base}, ${this.code.constant(names)})` };
  }

  value(expression: Expression, scope: Scope): string {
    switch (expression.type) {
      case 'PathExpression': {
        const { base, names } = this.#resolve(expression as hbs.AST.PathExpression, scope);
        return memberCode(base, names, this.code.constant(member));
      }
      case 'SubExpression':
        return this.nested(() => this.call(expression as hbs.AST.SubExpression, scope));
      case 'UndefinedLiteral':
        return 'undefined';
      case 'NullLiteral':
        return 'null';
      default:
        return JSON.stringify((expression as hbs.AST.StringLiteral).value);
    }
  }

  /** @throws TemplateSyntaxError for a block that gives no value */
  helper(name: string, call: Call, scope: Scope): string {
    const definition = helperCatalogue.get(name)!;
    this.cost += definition.cost.call;
    if (name === 'if' || name === 'unless') {
      const truthy = `${this.code.constant(isTruthy)}(${this.argument(name, call, scope)})`;
      return name === 'if' ? truthy : `!${truthy}`;
    }
    if (name === 'compare') {
      const inline = this.#comparison(call, scope);
      if (inline !== null) return inline;
    }
    const run = this.code.constant(definition.run);
    const values = call.params.map((parameter, at) => this.#parameter(name, definition, parameter, at, scope));
    switch (definition.kind) {
      case 'block':
        throw new TemplateSyntaxError(`The helper '${name}' is a block.`);
      case 'condition':
        return `${run}(${values.join(', ')})`;
      case 'value':
        this.#learn(name, call);
        return this.#made(`${run}(${values.join(', ')})`);
      case 'hash':
        return this.#made(`${run}(${[this.#hash(call, scope), ...values].join(', ')})`);
      default:
        this.#learn(name, call);
        return this.#made(`${run}(${[this.#renderScope(), ...values].join(', ')})`);
    }
  }

  /** The one argument of a stock block. */
  argument(name: string, call: Call, scope: Scope): string {
    const [only] = call.params;
    if (only === undefined || call.params.length > 1) throw new TemplateSyntaxError(`'${name}' takes one value.`);
    return this.value(only, scope);
  }

  #made(code: string): string {
    return `${this.code.constant(made)}(${code})`;
  }

  #parameter(name: string, { cost }: HelperDefinition, expression: Expression, at: number, scope: Scope): string {
    // `{{#some xs isString}}` names its test bare.
    if (name === 'some' && at === 1 && expression.type === 'PathExpression') {
      return JSON.stringify((expression as hbs.AST.PathExpression).original);
    }
    const value = this.value(expression, scope);
    const isRead = expression.type === 'PathExpression' || expression.type === 'SubExpression';
    return isRead && cost.element > 0 ? `${this.code.constant(charged)}(${value}, ${cost.element})` : value;
  }

  #renderScope(): string {
    const lookups = this.code.constant(this.staticLookups);
    return `{ root: ${rootName}, environment: ${environmentName}, staticLookups: ${lookups} }`;
  }

  #hash(call: Call, scope: Scope): string {
    const pairs = (call.hash?.pairs ?? []).map(
      ({ key, value }) => `[${JSON.stringify(key)}]: ${this.value(value, scope)}`,
    );
    return `{ __proto__: null, ${pairs.join(', ')} }`;
  }

  /** Code of `compare` with an operator that is known already. */
  #comparison(call: Call, scope: Scope): string | null {
    const [left, operator, right] = call.params;
    if (left === undefined || right === undefined || operator?.type !== 'StringLiteral') return null;
    const holds = comparison((operator as hbs.AST.StringLiteral).value);
    if (holds === null) return null;
    return `${this.code.constant(holds)}(${this.value(left, scope)}, ${this.value(right, scope)})`;
  }

  /** Helpers that read more than their arguments. */
  #learn(name: string, call: Call): void {
    if (name === 'aws4') this.readsRequest = true;
    if (name !== 'getValue') return;
    const [path] = call.params;
    const text = path?.type === 'StringLiteral' ? (path as hbs.AST.StringLiteral).value : '';
    this.#readRoot(/^[^.[\]]*/.exec(text)?.[0] ?? '');
  }

  #readRoot(name: string): void {
    this.roots.add(name);
    if (requestRoots.has(name)) this.readsRequest = true;
  }

  /** The context that a path starts at. */
  #context(scope: Scope, depth: number, firstName: string): string {
    if (mayReachRoot(scope, depth)) this.#readRoot(firstName);
    return contextCode(scope, depth, this.code.constant(ancestor));
  }

  /** `{{"Field Name"}}` and `{{12}}` read the fields of these names. */
  #field(
    { original }: { readonly original: unknown },
    scope: Scope,
  ): { readonly base: string; readonly names: string[] } {
    const name = String(original);
    return { base: this.#context(scope, 0, name), names: [name] };
  }

  #resolve(path: hbs.AST.PathExpression, scope: Scope): { readonly base: string; readonly names: readonly string[] } {
    const names = path.parts.map(String);
    const [first = ''] = names;
    if (path.data) {
      if (first !== 'root') return { base: turnCode(scope.turn, path.depth, first), names: names.slice(1) };
      this.#readRoot(names[1] ?? '');
      return { base: rootName, names: names.slice(1) };
    }
    const parameter = path.depth === 0 && !isScoped(path) ? scope.parameters.get(first) : undefined;
    if (parameter !== undefined) return { base: parameter, names: names.slice(1) };
    return { base: this.#context(scope, path.depth, first), names };
  }
}

function present(value: unknown, base: unknown, names: readonly string[]): unknown {
  if (value === undefined) throw new Error(`'${firstMissing(base, names)}' not defined in the model`);
  return value;
}

function singleName(path: hbs.AST.PathExpression): string | null {
  return path.parts.length === 1 ? String(path.parts[0]) : null;
}

/** `./x` and `this.x` are never block parameters. */
function isScoped(path: hbs.AST.PathExpression): boolean {
  return /^\.|this\b/.test(path.original);
}
