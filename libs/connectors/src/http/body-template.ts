import type { Failure } from '#failures';
import type { JsonRecord } from '#model';
import { compileTemplate, render, type RenderEnvironment, type StaticLookups, type Template } from '../templates.js';
import { toForm } from './form.js';
import type { MediaType } from './request-template.js';

/** A templated body. Forms may be written as JSON; the result is then turned into a form. */
export class BodyTemplate {
  readonly template: Template;
  readonly #asForm: boolean;

  constructor(text: string, mediaType: MediaType, staticLookups?: StaticLookups) {
    this.#asForm = mediaType === 'urlencoded' && text.trimStart().startsWith('{') && !text.trimStart().startsWith('{{');
    const target =
      this.#asForm || mediaType === 'json'
        ? 'json'
        : mediaType === 'xml'
          ? 'xml'
          : mediaType === 'urlencoded'
            ? 'uri'
            : 'text';
    this.template = compileTemplate(text, target, 'resource', 'request body', staticLookups);
  }

  render(context: JsonRecord, environment: RenderEnvironment): string | Failure {
    const text = render(this.template, context, environment);
    if (typeof text !== 'string' || !this.#asForm) return text;
    try {
      return toForm(JSON.parse(text));
    } catch {
      return {
        code: 'handlebars_template_parse_error',
        message: `The body for a form does not render to JSON: ${text.slice(0, 500)}`,
        source: 'resource',
        classification: 'parse',
      };
    }
  }
}
