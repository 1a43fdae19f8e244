import type { JsonRecord } from '#model';
import { CodeWriter } from '../code/code-writer.js';
import { environmentName, Expressions, rootName } from './expressions.js';
import { printRaw, type TargetFormat } from './format.js';
import { keysOf } from './helpers/arguments.js';
import { helperCatalogue } from './helpers/catalogue.js';
import { isPresent, isTruthy } from './helpers/conditions.js';
import { rootScope, type Scope } from './scope.js';
import { TemplateSyntaxError } from './syntax.js';
import { maxOutputBytes, type RenderEnvironment, type StaticLookups } from './template.js';
import { outputTooLarge, work } from './work.js';

type Program = hbs.AST.Program;

export interface GenerateOptions {
  readonly format: TargetFormat;
  readonly strict: boolean;
  readonly staticLookups: StaticLookups;
  /** Leaves out what reads the request that is being built. */
  readonly draft: boolean;
}

export interface GeneratedTemplate {
  /** Throws Error when the record cannot be rendered. */
  readonly render: (root: JsonRecord, environment: RenderEnvironment) => string;
  /** True when it prints text only. */
  readonly isConstant: boolean;
  readonly roots: ReadonlySet<string>;
  readonly readsRequest: boolean;
}

/** Units of work: of a statement, and of a turn of a loop. */
const statementCost = 20;
const turnCost = 70;

/**
 * Generates the function of a template: straight code with loops, no calls but to helpers. Every member is read through
 * {@link Expressions}, so prototypes are out of reach; every loop is charged for its turns. Handlebars' own runtime is several
 * times slower, and the tests compare both.
 *
 * @throws TemplateSyntaxError for a template that means nothing in this language
 */
export function generateTemplate(program: Program, options: GenerateOptions): GeneratedTemplate {
  return new TemplateGenerator(options).generate(program);
}

class TemplateGenerator {
  readonly #options: GenerateOptions;
  readonly #code = new CodeWriter();
  readonly #expressions: Expressions;
  readonly #raw: string;
  readonly #formatted: string;
  #isConstant = true;
  #readsRequest = false;

  constructor(options: GenerateOptions) {
    this.#options = options;
    const { print, unitsPerCharacter } = options.format;
    this.#raw = this.#code.constant(printRaw);
    this.#formatted = print === printRaw ? this.#raw : this.#code.constant(metered(print, unitsPerCharacter));
    this.#expressions = new Expressions(this.#code, options.staticLookups);
  }

  generate(program: Program): GeneratedTemplate {
    const { roots } = this.#expressions;
    this.#code.line('let out = "", value;');
    this.#program(program, rootScope(rootName));
    this.#code.line('return out;');
    const render = this.#code.build([rootName, environmentName]) as GeneratedTemplate['render'];
    return { render, isConstant: this.#isConstant, roots, readsRequest: this.#readsRequest };
  }

  /** Statements of a program, and then the charge for them. */
  #program(program: Program | undefined, scope: Scope, cost = 0): void {
    const expressions = this.#expressions;
    const outerCost = expressions.cost;
    expressions.cost = cost;
    for (const statement of program?.body ?? []) {
      expressions.cost += statementCost;
      switch (statement.type) {
        case 'ContentStatement':
          this.#code.line(`out += ${JSON.stringify((statement as hbs.AST.ContentStatement).value)};`);
          break;
        case 'MustacheStatement':
          this.#mustache(statement as hbs.AST.MustacheStatement, scope);
          break;
        case 'BlockStatement':
          expressions.nested(() => this.#block(statement as hbs.AST.BlockStatement, scope));
          break;
        default: // comments
      }
    }
    const meter = this.#code.constant(work);
    if (expressions.cost > 0) {
      this.#code.line(`if ((${meter}.left -= ${expressions.cost}) < 0) ${meter}.exceeded();`);
    }
    expressions.cost = outerCost;
  }

  #mustache(mustache: hbs.AST.MustacheStatement, scope: Scope): void {
    this.#isConstant = false;
    const value = this.#unlessDraft(() => {
      const isCall = this.#expressions.helperOf(mustache) !== null;
      return isCall
        ? this.#expressions.call(mustache, scope)
        : this.#expressions.callee(mustache, scope, this.#options.strict).code;
    });
    if (value === null) return;
    const print = mustache.escaped ? this.#formatted : this.#raw;
    if (print === this.#raw) {
      // Most values are texts, printed as they are; that costs no more than the output has room for.
      this.#code.line(`value = ${value}; out += typeof value === "string" ? value : ${print}(value);`);
    } else {
      this.#code.line(`out += ${print}(${value});`);
    }
    this.#code.line(`if (out.length > ${maxOutputBytes}) ${this.#code.constant(outputTooLarge)}();`);
  }

  /** Code of an expression; null when it reads the request and this is the draft. */
  #unlessDraft(generate: () => string): string | null {
    this.#expressions.readsRequest = false;
    const code = generate();
    if (!this.#expressions.readsRequest) return code;
    this.#readsRequest = true;
    return this.#options.draft ? null : code;
  }

  #block(block: hbs.AST.BlockStatement, scope: Scope): void {
    this.#isConstant = false;
    const name = this.#expressions.helperOf(block);
    const generate = name === null ? undefined : this.#stockBlocks[name];
    if (generate !== undefined) generate(block, scope);
    else if (name !== null && helperCatalogue.get(name)?.kind === 'condition') this.#condition(name, block, scope);
    else this.#section(block, scope);
  }

  readonly #stockBlocks: Readonly<Record<string, (block: hbs.AST.BlockStatement, scope: Scope) => void>> = {
    __proto__: null as never,
    if: (block, scope) => this.#if('if', block, scope),
    unless: (block, scope) => this.#if('unless', block, scope),
    each: (block, scope) => this.#each(block, scope),
    with: (block, scope) => this.#with(block, scope),
    filter: (block, scope) => this.#filter(block, scope),
  };

  #if(name: 'if' | 'unless', block: hbs.AST.BlockStatement, scope: Scope): void {
    const truthy = this.#unlessDraft(() => {
      const value = this.#expressions.argument(name, block, scope);
      return `${this.#code.constant(isTruthy)}(${value})`;
    });
    if (truthy !== null) this.#branches(name === 'if' ? truthy : `!${truthy}`, block, scope, scope);
  }

  /** `compare`, `and`, `contains` and their kin. One that answers neither true nor false prints nothing. */
  #condition(name: string, block: hbs.AST.BlockStatement, scope: Scope): void {
    const answer = this.#unlessDraft(() => this.#expressions.helper(name, block, scope));
    if (answer === null) return;
    const variable = this.#code.declare(answer);
    this.#code.line(`if (${variable} !== undefined) {`);
    this.#branches(variable, block, scope, scope);
    this.#code.line('}');
  }

  #with(block: hbs.AST.BlockStatement, scope: Scope): void {
    const value = this.#unlessDraft(() => this.#expressions.argument('with', block, scope));
    if (value === null) return;
    const context = this.#code.declare(value);
    const inner: Scope = {
      ...scope,
      context,
      parent: scope,
      isTransparent: null,
      parameters: bound(scope, block, [context]),
    };
    this.#branches(`${this.#code.constant(isPresent)}(${context})`, block, inner, scope);
  }

  #branches(condition: string, block: hbs.AST.BlockStatement, main: Scope, otherwise: Scope): void {
    this.#code.line(`if (${condition}) {`);
    this.#program(block.program, main);
    this.#code.line('} else {');
    this.#program(block.inverse, otherwise);
    this.#code.line('}');
  }

  #each(block: hbs.AST.BlockStatement, scope: Scope): void {
    const value = this.#unlessDraft(() => this.#expressions.argument('each', block, scope));
    if (value === null) return;
    const list = this.#code.declare(value);
    const keys = this.#code.declare(`Array.isArray(${list}) ? null : ${this.#code.constant(keysOf)}(${list})`);
    this.#loop(block, scope, {
      length: `${keys} === null ? ${list}.length : ${keys}.length`,
      element: (at) => `${list}[${keys} === null ? ${at} : ${keys}[${at}]]`,
      key: (at) => `${keys} === null ? ${at} : ${keys}[${at}]`,
    });
  }

  #filter(block: hbs.AST.BlockStatement, scope: Scope): void {
    const value = this.#unlessDraft(() => this.#expressions.helper('filter', block, scope));
    if (value === null) return;
    const list = this.#code.declare(value);
    this.#code.line(`if (${list} !== undefined) {`);
    this.#loop(block, scope, { length: `${list}.length`, element: (at) => `${list}[${at}]`, key: (at) => at });
    this.#code.line('}');
  }

  /** `{{#value}}`: once per element of a list; once for anything else, unless it is missing or false. */
  #section(block: hbs.AST.BlockStatement, scope: Scope): void {
    const value = this.#unlessDraft(() => this.#expressions.call(block, scope));
    if (value === null) return;
    const list = this.#code.declare(value);
    const isList = this.#code.declare(`Array.isArray(${list})`);
    const isTransparent = this.#code.declare(`${list} === true`);
    this.#loop(block, scope, {
      length: `${isList} ? ${list}.length : ${list} === false || ${list} === undefined || ${list} === null ? 0 : 1`,
      element: (at) => `${isList} ? ${list}[${at}] : ${isTransparent} ? ${scope.context} : ${list}`,
      key: (at) => at,
      isList,
      isTransparent,
    });
  }

  #loop(block: hbs.AST.BlockStatement, scope: Scope, loop: LoopCode): void {
    const length = this.#code.declare(loop.length);
    if (block.program !== undefined && block.program !== null) {
      const newTurn = `{ index: 0, key: undefined, first: true, last: false, parent: ${scope.turn ?? 'null'} }`;
      const turn = this.#code.declare(
        loop.isList === undefined ? newTurn : `${loop.isList} ? ${newTurn} : ${scope.turn ?? 'null'}`,
      );
      const at = this.#code.name();
      this.#code.line(`for (let ${at} = 0; ${at} < ${length}; ${at} += 1) {`);
      const context = this.#code.declare(loop.element(at));
      const key = this.#code.declare(loop.key(at));
      if (loop.isList !== undefined) this.#code.line(`if (${loop.isList}) {`);
      this.#code.line(`${turn}.index = ${at}; ${turn}.key = ${key};`);
      this.#code.line(`${turn}.first = ${at} === 0; ${turn}.last = ${at} === ${length} - 1;`);
      if (loop.isList !== undefined) this.#code.line('}');
      const isTransparent = loop.isTransparent ?? null;
      const parameters = bound(scope, block, [context, key]);
      this.#program(block.program, { context, parent: scope, isTransparent, turn, parameters }, turnCost);
      this.#code.line('}');
    }
    this.#code.line(`if (${length} === 0) {`);
    this.#program(block.inverse, scope);
    this.#code.line('}');
  }
}

/** A loop, as code; `at` is the name of its counter. */
interface LoopCode {
  readonly length: string;
  readonly element: (at: string) => string;
  readonly key: (at: string) => string;
  /** holds whether it is a loop at all, where only the run knows */
  readonly isList?: string;
  readonly isTransparent?: string;
}

function bound(scope: Scope, block: hbs.AST.BlockStatement, values: readonly string[]): ReadonlyMap<string, string> {
  const names = block.program?.blockParams ?? [];
  if (names.length === 0) return scope.parameters;
  if (names.length > values.length) {
    throw new TemplateSyntaxError(`The block has ${values.length} block parameters at most.`);
  }
  return new Map([...scope.parameters, ...names.map((name, at) => [name, values[at]!] as const)]);
}

function metered(print: (value: unknown) => string, unitsPerCharacter: number): (value: unknown) => string {
  return (value) => {
    const text = print(value);
    work.left -= text.length * unitsPerCharacter;
    if (work.left < 0) work.exceeded();
    return text;
  };
}
