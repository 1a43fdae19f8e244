import type { ImportOutcome } from '#engine';
import type { Getter } from '#engine/paths/index';
import { own } from '#engine/paths/index';
import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import { connectorCodes as codes } from '../codes.js';
import { compileConfiguredPath } from '../configured-path.js';
import { answerFailure, type Received, textOf } from './client.js';
import type { WriteSettings } from './import-settings.js';
import { type BodyCheck, compileBodyRules } from './rules.js';
import { bodyFailure, statusFailure } from './status-failure.js';

/** Reads the answers of an import. Reference: decision 18, runtime §9.3. */
export class BatchAnswer {
  readonly #check: BodyCheck | null;
  readonly #errorPath: Getter | null;
  readonly #results: Getter | null;
  readonly #id: Getter | null;
  readonly #isBatch: boolean;
  readonly #readsText: boolean;
  readonly #followsRedirects: boolean;

  /** @throws PlatformError for malformed paths */
  constructor(settings: WriteSettings, mediaType: 'xml' | 'json' | 'plaintext' | undefined, followsRedirects: boolean) {
    this.#check = compileBodyRules(settings.rules, 'success_first', 'http.response');
    const path = (text: string | null | undefined, name: string): Getter | null =>
      text ? compileConfiguredPath(text, `http.response.${name}`) : null;
    this.#errorPath = path(settings.rules.errorPath, 'errorPath');
    this.#results = path(settings.resourcePath, 'resourcePath');
    this.#id = path(settings.resourceIdPath, 'resourceIdPath');
    this.#isBatch = settings.batchSize > 1;
    this.#readsText = mediaType === 'plaintext' || mediaType === 'xml';
    this.#followsRedirects = followsRedirects;
  }

  /** One outcome per record of the request, in order. */
  outcomes(received: Received, count: number): readonly ImportOutcome[] {
    const { status } = received.answer;
    const isSuccess = (status >= 200 && status < 300) || (status < 400 && !this.#followsRedirects);
    if (!isSuccess || received.unauthorized) return all(count, failed(statusFailure(received, this.#errorPath)));
    const parsed = this.#parse(received);
    if ('failure' in parsed) return all(count, failed(parsed.failure));
    const { value } = parsed;
    const results = this.#results === null ? value : this.#results(value);
    const headers = flatHeaders(received);
    if (!Array.isArray(results)) return all(count, this.#outcome(received, value, value, results ?? value, headers));
    const elements = results as readonly JsonValue[];
    if (!this.#isBatch) {
      const element = elements.length > 0 ? elements[0] : value;
      return [this.#outcome(received, value, element, element, headers)];
    }
    const outcomes: ImportOutcome[] = [];
    let missing: ImportOutcome | null = null;
    for (let index = 0; index < count; index += 1) {
      const element = elements[index];
      outcomes.push(
        index < elements.length
          ? this.#outcome(received, element, element, element, headers)
          : (missing ??= failed(missingResult(received, elements.length, count))),
      );
    }
    return outcomes;
  }

  /**
   * @param json what response mappings see
   * @param ruled what the rules are about: an element, or the whole answer when it is no array (decision 18)
   * @param named where an id without `resourceIdPath` is looked for
   */
  #outcome(
    received: Received,
    json: unknown,
    ruled: unknown,
    named: unknown,
    headers: Readonly<Record<string, string>>,
  ): ImportOutcome {
    const reason = this.#check?.(ruled) ?? null;
    if (reason !== null) {
      return { ...failed(bodyFailure(received, reason, ruled, this.#errorPath)), _json: json as JsonValue };
    }
    const id = this.#idOf(ruled, named);
    return id === undefined
      ? { statusCode: 200, _json: json as JsonValue, _headers: headers }
      : { statusCode: 200, id, _json: json as JsonValue, _headers: headers };
  }

  #idOf(ruled: unknown, named: unknown): string | undefined {
    const value = this.#id === null ? (own(named, 'id') ?? own(named, '_id')) : (this.#id(ruled) ?? this.#id(named));
    return value === undefined || value === null || typeof value === 'object' ? undefined : String(value);
  }

  /** The value of an empty body is undefined. Text that no rule looks at need not be JSON. */
  #parse(received: Received): { readonly value: unknown } | { readonly failure: Failure } {
    const { answer } = received;
    if (answer.body.length === 0 || answer.status === 204) return { value: undefined };
    const text = textOf(answer);
    if (this.#readsText) return { value: text };
    try {
      return { value: JSON.parse(text) as unknown };
    } catch {
      if (this.#check === null && this.#results === null && this.#id === null) return { value: text };
      const failure: Failure = {
        code: 'parse_error',
        message: `The answer cannot be parsed. It begins: ${text.slice(0, 512)}`,
        source: 'resource',
        classification: 'parse',
      };
      return { failure: answerFailure(received, failure) };
    }
  }
}

function all(count: number, outcome: ImportOutcome): readonly ImportOutcome[] {
  return Array.from<ImportOutcome>({ length: count }).fill(outcome);
}

function failed(failure: Failure): ImportOutcome {
  return { statusCode: failure.source === 'connection' ? 403 : 422, failures: [failure] };
}

function missingResult(received: Received, got: number, sent: number): Failure {
  return answerFailure(received, {
    code: codes.missing_result.code,
    message: `The answer holds ${got} results for ${sent} records; there is none for this one.`,
    source: 'application',
  });
}

function flatHeaders(received: Received): Readonly<Record<string, string>> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(received.answer.headers)) {
    if (value !== undefined && name !== '__proto__') flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}
