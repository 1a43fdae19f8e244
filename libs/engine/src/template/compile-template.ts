import type { Failure } from '#failures';
import type { JsonRecord } from '#model';
import { formats } from './format.js';
import { generateTemplate, type GeneratedTemplate } from './generate.js';
import { parseTemplate } from './syntax.js';
import {
  maxOutputBytes,
  templateErrorCode,
  type RenderEnvironment,
  type Template,
  type TemplateOptions,
  type TemplateTarget,
} from './template.js';
import { work } from './work.js';

const purposes: Readonly<Record<TemplateTarget, string>> = {
  uri: 'request url',
  header: 'request header',
  sql: 'query',
  json: 'request body',
  xml: 'request body',
  text: 'text',
};

type Fail = (detail: string) => Failure;

/**
 * Compiles a template once, for any number of records. A template that is no template still compiles: to one that gives
 * its syntax error as the failure of every record (handlebars §10); {@link Template.failure} shows it beforehand.
 */
export function compileTemplate(text: string, options: TemplateOptions): Template {
  const fail: Fail = (detail) => {
    const shown = text.length > 500 ? `${text.slice(0, 500)}…` : text;
    const purpose = options.purpose ?? purposes[options.target];
    const message = `Failed to generate ${purpose} from template: ${shown}. Details: ${detail.slice(0, 2000)}`;
    return { code: templateErrorCode, message, source: options.source };
  };
  try {
    const generated = generate(text, options, false);
    if (!generated.readsRequest) return toTemplate(generated, options, fail);
    const draft = toTemplate(generate(text, options, true), options, fail);
    return { ...toTemplate(generated, options, fail), draft };
  } catch (error) {
    const failure = fail(detailOf(error));
    return { failure, roots: new Set(), render: () => failure };
  }
}

function generate(text: string, options: TemplateOptions, draft: boolean): GeneratedTemplate {
  return generateTemplate(parseTemplate(text), {
    format: formats[options.target],
    strict: options.strict ?? (options.target === 'uri' || options.target === 'header'),
    staticLookups: options.staticLookups ?? {},
    draft,
  });
}

function toTemplate(
  { render, roots, isConstant }: GeneratedTemplate,
  { target }: TemplateOptions,
  fail: Fail,
): Template {
  const renderChecked = (context: JsonRecord, environment: RenderEnvironment): string | Failure => {
    work.begin();
    try {
      const output = render(context, environment);
      const problem = problemOf(output, target);
      return problem === null ? output : fail(problem);
    } catch (error) {
      return fail(detailOf(error));
    } finally {
      work.end();
    }
  };
  if (!isConstant) return { roots, render: renderChecked };
  const constant = renderChecked({}, { nowMs: () => 0 });
  const always = () => constant;
  return typeof constant === 'string'
    ? { constant, roots, render: always }
    : { failure: constant, roots, render: always };
}

function problemOf(output: string, target: TemplateTarget): string | null {
  // A UTF-16 code unit takes three bytes at most, so short texts need no count.
  if (output.length * 3 > maxOutputBytes && Buffer.byteLength(output) > maxOutputBytes) {
    return `The output is larger than ${maxOutputBytes / 1024 / 1024} MB.`;
  }
  if (target === 'header' && /[\r\n\0]/.test(output)) return 'A header value must not contain a line break.';
  return null;
}

function detailOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
