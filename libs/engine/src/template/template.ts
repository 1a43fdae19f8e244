import type { Failure, FailureSource } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { engineCodes } from '../codes.js';

/** Where a template's output goes; decides how double braces print a value (handlebars §2, decision 36). */
export type TemplateTarget = 'uri' | 'sql' | 'xml' | 'json' | 'text' | 'header';

/** Values of static lookups by lookup name: `{{lookup "states" record.st}}`. */
export type StaticLookups = Readonly<Record<string, Readonly<Record<string, JsonValue | undefined>>>>;

export interface TemplateOptions {
  readonly target: TemplateTarget;
  /** Source of the failures it gives. */
  readonly source: FailureSource;
  /** What is being rendered, for messages: `request url`, `header X-Key`. Default: named after the target. */
  readonly purpose?: string;
  /** A missing value fails the record. Default: in URIs and headers only (handlebars §10). */
  readonly strict?: boolean;
  readonly staticLookups?: StaticLookups;
}

/** A request as it is signed: address, body and plain headers are rendered. */
export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a template may ask of the run; the engine has no clock. */
export interface RenderEnvironment {
  /** epoch ms */
  readonly nowMs: () => number;
  /** The request that is being built, for templates with a {@link Template.draft}. */
  readonly request?: SignedRequest;
}

/** A compiled template. */
export interface Template {
  /** Output when no value is printed at all; absent otherwise. */
  readonly constant?: string;
  /** Why it can never render: a syntax error, an unknown helper. */
  readonly failure?: Failure;
  /**
   * First segments of the paths it reads outside of its own scopes. A caller whose known roots cover them need not spread
   * the record's fields into the context.
   */
  readonly roots: ReadonlySet<string>;
  /**
   * The same without the expressions that read the request being built (`hashOptions`, `hmacOptions`, `aws4`); present when
   * there are any. Such a template is rendered last, over a request made with the drafts (handlebars §7).
   */
  readonly draft?: Template;
  /** The text, at most 5 MB, or the record's failure with code `handlebars_template_parse_error`. Never throws. */
  readonly render: (context: JsonRecord, environment: RenderEnvironment) => string | Failure;
}

/** Largest output, in bytes of UTF-8: that of a page (runtime §2). */
export const maxOutputBytes = 5 * 1024 * 1024;

export const templateErrorCode = engineCodes.handlebars_template_parse_error.code;
