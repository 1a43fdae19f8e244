import type { Failure } from '#failures';
import type { JsonRecord } from '#model';
import { compileSegments, own } from '../paths/index.js';
import { formats, printRaw, type Format } from './format.js';
import { compileWithHandlebars } from './handlebars-runtime.js';
import { helperCatalogue } from './helpers/catalogue.js';
import { parseTemplate, type TemplateSyntax } from './syntax.js';
import {
  maxOutputBytes,
  templateErrorCode,
  type RenderEnvironment,
  type Template,
  type TemplateOptions,
  type TemplateTarget,
} from './template.js';

const purposes: Readonly<Record<TemplateTarget, string>> = {
  uri: 'request url',
  header: 'request header',
  sql: 'query',
  json: 'request body',
  xml: 'request body',
  text: 'text',
};

type Render = (context: JsonRecord, environment: RenderEnvironment) => string;

/**
 * Compiles a template once, for any number of records. A template that is no template still compiles: to one that gives
 * its syntax error as the failure of every record (handlebars §10); {@link Template.failure} shows it beforehand.
 */
export function compileTemplate(text: string, options: TemplateOptions): Template {
  const fail = (detail: string): Failure => {
    const shown = text.length > 500 ? `${text.slice(0, 500)}…` : text;
    const purpose = options.purpose ?? purposes[options.target];
    const message = `Failed to generate ${purpose} from template: ${shown}. Details: ${detail.slice(0, 2000)}`;
    return { code: templateErrorCode, message, source: options.source };
  };
  let syntax: TemplateSyntax;
  let render: Render | string;
  const isStrict = options.strict ?? (options.target === 'uri' || options.target === 'header');
  try {
    syntax = parseTemplate(text, (name) => helperCatalogue.has(name));
    render =
      compilePlain(syntax, formats[options.target], isStrict) ??
      compileWithHandlebars(syntax, formats[options.target], isStrict, options.staticLookups ?? {});
  } catch (error) {
    const failure = fail(detailOf(error));
    return { failure, roots: new Set(), render: () => failure };
  }
  const check = (output: string) => checkOutput(output, options.target, fail);
  if (typeof render === 'string') {
    const constant = check(render);
    if (typeof constant !== 'string') return { failure: constant, roots: new Set(), render: () => constant };
    return { constant, roots: syntax.roots, render: () => constant };
  }
  const run = render;
  return {
    roots: syntax.roots,
    render: (context, environment) => {
      try {
        return check(run(context, environment));
      } catch (error) {
        return fail(detailOf(error));
      }
    },
  };
}

function checkOutput(output: string, target: TemplateTarget, fail: (detail: string) => Failure): string | Failure {
  // A UTF-16 code unit takes three bytes at most, so short texts need no count.
  if (output.length * 3 > maxOutputBytes && Buffer.byteLength(output) > maxOutputBytes) {
    return fail('the output is larger than 5 MB');
  }
  if (target === 'header' && /[\r\n\0]/.test(output)) return fail('a header value must not contain a line break');
  return output;
}

function detailOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const missing = /^"(.*)" not defined in /s.exec(message);
  if (missing !== null) return `'${missing[1]}' not defined in the model`;
  const unknownHelper = /used the unknown helper (\S+)/.exec(message);
  return unknownHelper === null ? message : `the helper '${unknownHelper[1]}' is not known`;
}

/** Reads one value of the context for {@link compilePlain}; throws when it is missing and must not be. */
type Read = (context: JsonRecord) => unknown;

interface Printed {
  readonly read: Read;
  readonly format: Format;
  readonly after: string;
}

/**
 * Templates of text and paths only, by far the most common, need no Handlebars: 20 times faster than its runtime.
 *
 * @returns the text of a constant template, a function, or null when the template holds more than that
 */
function compilePlain(syntax: TemplateSyntax, format: Format, strict: boolean): Render | string | null {
  let before = '';
  const printed: Printed[] = [];
  const append = (text: string) => {
    const last = printed.pop();
    if (last === undefined) before += text;
    else printed.push({ ...last, after: last.after + text });
  };
  for (const statement of syntax.program.body) {
    if (statement.type === 'CommentStatement') continue;
    if (statement.type === 'ContentStatement') {
      append((statement as hbs.AST.ContentStatement).value);
      continue;
    }
    if (statement.type !== 'MustacheStatement') return null;
    const mustache = statement as hbs.AST.MustacheStatement;
    const path = mustache.path as hbs.AST.PathExpression;
    if (path.type !== 'PathExpression' || path.data || path.depth > 0 || path.parts.length === 0) return null;
    if (mustache.params.length > 0 || (mustache.hash?.pairs.length ?? 0) > 0) return null;
    const isHelper = path.parts.length === 1 && syntax.helpers.has(path.parts[0] as string);
    if (isHelper) return null;
    printed.push({
      read: compileRead(path.parts, strict),
      format: mustache.escaped ? format : printRaw,
      after: '',
    });
  }
  const [first, second] = printed;
  if (first === undefined) return before;
  if (second === undefined) return (context) => before + first.format(first.read(context)) + first.after;
  return (context) => {
    let output = before;
    for (const part of printed) output += part.format(part.read(context)) + part.after;
    return output;
  };
}

function compileRead(parts: readonly string[], strict: boolean): Read {
  if (!strict && !parts.includes('length')) return compileSegments(parts);
  return (context) => {
    let value: unknown = context;
    for (const part of parts) {
      const next = member(value, part);
      if (next === undefined && strict) throw new Error(`'${part}' not defined in the model`);
      value = next;
    }
    return value;
  };
}

/** Own members, and the length of texts (handlebars §1). */
function member(value: unknown, name: string): unknown {
  return name === 'length' && typeof value === 'string' ? value.length : own(value, name);
}
