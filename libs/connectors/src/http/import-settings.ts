import { compositeOf } from '#engine/flow/composite';
import { PlatformError } from '#failures';
import type { Import } from '#model';
import type { MediaType } from './request-template.js';
import { type BodyRules } from './rules.js';

export type StoredImport = Import & { readonly _id: string };
export type HttpImportSettings = NonNullable<Import['http']>;

/** One request of an HTTP import; the positional arrays of the API taken apart. Reference: resources §5.3. */
export interface WriteSettings {
  readonly method: string;
  readonly relativeURI: string;
  readonly body: string | null;
  readonly mediaType: MediaType;
  readonly batchSize: number;
  readonly rules: BodyRules;
  readonly resourcePath: string | null;
  readonly resourceIdPath: string | null;
  /** Header name; empty when turned off (decision 19). */
  readonly idempotencyHeader: string;
}

/**
 * @param at which of the requests of a composite import; 0 for any other
 * @throws PlatformError `not_supported` for what cannot be sent yet: nothing is skipped silently
 */
export function readWriteSettings(step: StoredImport, fallbackMedia: MediaType, at: number): WriteSettings {
  const { http } = step;
  if (http === undefined) throw new PlatformError('invalid_value', 'The import has no http settings.');
  refuseUnsupported(step, http);
  const mediaType = http.requestMediaType ?? fallbackMedia;
  const body = http.body?.[at] ?? null;
  const batchSize = http.batchSize ?? 1;
  refuseBody(mediaType, body, batchSize);
  const response = http.response ?? {};
  return {
    method: http.method?.[at] ?? 'POST',
    relativeURI: http.relativeURI?.[at] ?? '',
    body,
    mediaType,
    batchSize,
    rules: {
      successPath: response.successPath?.[at],
      successValues: response.successValues?.[at],
      failPath: response.failPath?.[at],
      failValues: response.failValues?.[at],
      errorPath: response.errorPath,
      allowArrayforSuccessPath: response.allowArrayforSuccessPath,
    },
    resourcePath: response.resourcePath?.[at] || null,
    resourceIdPath: response.resourceIdPath?.[at] || null,
    idempotencyHeader: http.idempotencyKeyHeader ?? 'Idempotency-Key',
  };
}

function notSupported(what: string): never {
  throw new PlatformError('not_supported', `${what} is not supported yet.`);
}

function refuseUnsupported(step: StoredImport, http: HttpImportSettings): void {
  if (http.type === 'file') notSupported('An HTTP import of type file');
  if (http._asyncHelperId !== undefined) notSupported('An async helper');
  const isComposite = compositeOf(step) !== undefined;
  if (!isComposite && ((http.method?.length ?? 0) > 1 || (http.relativeURI?.length ?? 0) > 1)) {
    throw new PlatformError(
      'invalid_value',
      'An import with several requests needs http.requestType CREATE and UPDATE, in the order of http.method.',
    );
  }
  if (step.blob || step.blobKeyPath) notSupported('A blob import');
}

function refuseBody(mediaType: MediaType, body: string | null, batchSize: number): void {
  if (mediaType === 'form-data' || mediaType === 'octet-stream') notSupported(`The request media type ${mediaType}`);
  if (body !== null || mediaType === 'json') return;
  if (mediaType === 'xml' || mediaType === 'csv')
    notSupported(`The request media type ${mediaType} without a body template`);
  if (batchSize > 1) notSupported(`A batch of the request media type ${mediaType} without a body template`);
}
