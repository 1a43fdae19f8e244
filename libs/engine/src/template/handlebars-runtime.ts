import Handlebars from 'handlebars';
import type { JsonRecord } from '#model';
import { buildFunction } from '../code/build-function.js';
import type { Format } from './format.js';
import { helperCatalogue, type HelperDefinition } from './helpers/catalogue.js';
import type { BlockParts, RenderState } from './helpers/types.js';
import { maxOutputBytes, type RenderEnvironment, type StaticLookups } from './template.js';
import type { TemplateSyntax } from './syntax.js';

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** The part of Handlebars' code generator that is used and its types leave out. */
interface CodeGenerator {
  compiler: unknown;
  appendEscaped(): void;
  appendToBuffer(source: readonly unknown[]): unknown;
  pushSource(source: unknown): void;
  popStack(): unknown;
}

interface Environment {
  JavaScriptCompiler: new () => CodeGenerator;
  precompile(program: unknown, options: Readonly<Record<string, unknown>>): string;
}

interface Runtime {
  template(spec: unknown, environment: Readonly<Record<string, unknown>>): HandlebarsTemplateDelegate;
}

/**
 * A Handlebars of our own whose double braces call `formatValue`, a variable of the function that holds the generated
 * code: stock Handlebars escapes for HTML and has no hook for anything else.
 */
const environment = Handlebars.create() as unknown as Environment;
const StockGenerator = environment.JavaScriptCompiler;

class FormattingGenerator extends StockGenerator {
  override appendEscaped(): void {
    this.pushSource(this.appendToBuffer(['formatValue(', this.popStack(), ')']));
  }
}
FormattingGenerator.prototype.compiler = FormattingGenerator;
environment.JavaScriptCompiler = FormattingGenerator;

const runtime = Handlebars.VM as unknown as Runtime;

const knownHelpers: Record<string, boolean> = { helperMissing: false, blockHelperMissing: false, log: false };
for (const name of helperCatalogue.keys()) knownHelpers[name] = true;

/** Most text that helpers of one rendering may produce, in UTF-16 code units: bounds memory, not only the output. */
const maxProducedText = 64 * 1024 * 1024;
/** Most turns of all loops of one rendering: nested loops over a large record must end. */
const maxIterations = 1_000_000;

function spendText(state: RenderState, value: unknown): unknown {
  if (typeof value === 'string') {
    state.producedText += value.length;
    if (state.producedText > maxProducedText) throw new Error('The helpers of the template produce too much text.');
  }
  return value;
}

function spendTurn(state: RenderState): void {
  state.iterations += 1;
  if (state.iterations > maxIterations)
    throw new Error(`The loops of the template take more than ${maxIterations} turns.`);
}

/**
 * Compiles a template with Handlebars.
 *
 * @returns a function that renders, and throws when it cannot
 */
export function compileWithHandlebars(
  syntax: TemplateSyntax,
  format: Format,
  strict: boolean,
  staticLookups: StaticLookups,
): (context: JsonRecord, environment: RenderEnvironment) => string {
  const source = environment.precompile(syntax.program, { knownHelpers, knownHelpersOnly: true, strict });
  const state: RenderState = {
    environment: { nowMs: () => 0 },
    root: {},
    staticLookups,
    producedText: 0,
    iterations: 0,
  };
  const formatValue = (value: unknown) => spendText(state, format(value));
  // The source is Handlebars' own code for a validated program: text of the template appears in it as literals only.
  const spec = buildFunction({ formatValue }, source);
  // Only the helpers that it calls: Handlebars wraps every helper it is given again at each rendering.
  const stock = Handlebars.helpers as Readonly<Record<string, unknown>>;
  const helpers: Record<string, unknown> = {
    helperMissing: stock.helperMissing,
    blockHelperMissing: stock.blockHelperMissing,
    // blockHelperMissing iterates arrays with it
    each: bindEach(stock.each as AnyFunction, state),
  };
  for (const name of syntax.helpers) {
    const definition = helperCatalogue.get(name);
    if (definition !== undefined) helpers[name] = helpers[name] ?? bindHelper(name, definition, state);
  }
  const render = runtime.template(spec, { helpers, partials: {}, decorators: {}, VM: runtime });
  return (context, renderEnvironment) => {
    state.environment = renderEnvironment;
    state.root = context;
    state.producedText = 0;
    state.iterations = 0;
    try {
      return render(context, {
        data: { root: context },
        allowProtoPropertiesByDefault: false,
        allowProtoMethodsByDefault: false,
      });
    } finally {
      state.root = {};
    }
  };
}

function bindHelper(name: string, definition: HelperDefinition, state: RenderState): AnyFunction {
  switch (definition.kind) {
    case 'stock':
      return (Handlebars.helpers as Readonly<Record<string, unknown>>)[name] as AnyFunction;
    case 'value':
      return (...args: unknown[]) => spendText(state, definition.call(...args.slice(0, -1)));
    case 'state':
      return (...args: unknown[]) => spendText(state, definition.call(state, ...args.slice(0, -1)));
    case 'hash':
      return (...args: unknown[]) => {
        const options = args.at(-1) as Handlebars.HelperOptions;
        return spendText(state, definition.call(options.hash as Record<string, unknown>, ...args.slice(0, -1)));
      };
    default:
      return function (this: unknown, ...args: unknown[]) {
        const parts = partsOf(args.at(-1) as Handlebars.HelperOptions, state);
        return definition.call({ ...parts, context: this, state }, ...args.slice(0, -1));
      };
  }
}

function partsOf(options: Handlebars.HelperOptions, state: RenderState): BlockParts {
  // In a sub-expression Handlebars passes no programs.
  if (typeof options.fn !== 'function') return {};
  return {
    main: (context, data) => {
      if (data === undefined) return options.fn(context);
      spendTurn(state);
      const frame = Object.assign(Handlebars.createFrame((options.data as object | undefined) ?? {}), data);
      return boundedText(options.fn(context, { data: frame }));
    },
    otherwise: (context) => options.inverse(context),
  };
}

function boundedText(output: string): string {
  if (output.length > maxOutputBytes) throw new Error('The output is larger than 5 MB.');
  return output;
}

function bindEach(each: AnyFunction, state: RenderState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const options = args.at(-1) as Handlebars.HelperOptions;
    let size = 0;
    const fn: HandlebarsTemplateDelegate = (context, runtimeOptions) => {
      spendTurn(state);
      const output = options.fn(context, runtimeOptions);
      size += output.length;
      if (size > maxOutputBytes) throw new Error('The output is larger than 5 MB.');
      return output;
    };
    return each.call(this, ...args.slice(0, -1), { ...options, fn });
  };
}
