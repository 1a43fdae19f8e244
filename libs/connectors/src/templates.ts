import { compileTemplate as compile } from '#engine/template/index';
import type { RenderEnvironment, StaticLookups, Template, TemplateTarget } from '#engine/template/index';
import type { Failure, FailureSource } from '#failures';
import type { JsonRecord } from '#model';

export type { RenderEnvironment, StaticLookups, Template, TemplateTarget };

/**
 * Compiles a template of a step's or connection's configuration. Text that is no template compiles to its own failure,
 * which every rendering gives. Reference: handlebars §10.
 */
export function compileTemplate(
  text: string,
  target: TemplateTarget,
  source: FailureSource,
  purpose: string,
  staticLookups: StaticLookups = {},
): Template {
  return compile(text, { target, source, purpose, staticLookups });
}

/** Renders, without the call for constants. */
export function render(template: Template, context: JsonRecord, environment: RenderEnvironment): string | Failure {
  return template.constant ?? template.render(context, environment);
}
