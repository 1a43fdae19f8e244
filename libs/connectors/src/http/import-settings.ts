import { PlatformError } from '#failures';
import type { Import, JsonValue } from '#model';
import type { StaticLookups } from '../templates.js';
import type { MediaType } from './request-template.js';
import { type BodyRules } from './rules.js';

export type StoredImport = Import & { readonly _id: string };
export type HttpImportSettings = NonNullable<Import['http']>;

/** An HTTP import with one request type; the positional arrays of the API taken apart. Reference: resources §5.3. */
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
  readonly staticLookups: StaticLookups;
}

/** @throws PlatformError `not_supported` for what cannot be sent yet: nothing is skipped silently */
export function readWriteSettings(step: StoredImport, fallbackMedia: MediaType): WriteSettings {
  const { http } = step;
  if (http === undefined) throw new PlatformError('invalid_value', 'The import has no http settings.');
  refuseUnsupported(step, http);
  const mediaType = http.requestMediaType ?? fallbackMedia;
  const body = http.body?.[0] ?? null;
  const batchSize = http.batchSize ?? 1;
  refuseBody(mediaType, body, batchSize);
  const response = http.response ?? {};
  return {
    method: http.method?.[0] ?? 'POST',
    relativeURI: http.relativeURI?.[0] ?? '',
    body,
    mediaType,
    batchSize,
    rules: {
      successPath: response.successPath?.[0],
      successValues: response.successValues?.[0],
      failPath: response.failPath?.[0],
      failValues: response.failValues?.[0],
      errorPath: response.errorPath,
      allowArrayforSuccessPath: response.allowArrayforSuccessPath,
    },
    resourcePath: response.resourcePath?.[0] || null,
    resourceIdPath: response.resourceIdPath?.[0] || null,
    idempotencyHeader: http.idempotencyKeyHeader ?? 'Idempotency-Key',
    staticLookups: staticLookupsOf(step, http),
  };
}

function notSupported(what: string): never {
  throw new PlatformError('not_supported', `${what} is not supported yet.`);
}

function refuseUnsupported(step: StoredImport, http: HttpImportSettings): void {
  if (http.type === 'file') notSupported('An HTTP import of type file');
  if (http._asyncHelperId !== undefined) notSupported('An async helper');
  if ((http.method?.length ?? 0) > 1 || (http.relativeURI?.length ?? 0) > 1 || (http.requestType?.length ?? 0) > 1) {
    notSupported('A composite import (several request types)');
  }
  if (http.existingExtract || http.existingLookupName)
    notSupported('A composite import (existingExtract, existingLookupName)');
  if (http.ignoreLookupName) notSupported('ignoreLookupName');
  if (step.idLockTemplate) notSupported('idLockTemplate');
  if (step.blob || step.blobKeyPath) notSupported('A blob import');
}

function refuseBody(mediaType: MediaType, body: string | null, batchSize: number): void {
  if (mediaType === 'form-data' || mediaType === 'octet-stream') notSupported(`The request media type ${mediaType}`);
  if (body !== null || mediaType === 'json') return;
  if (mediaType === 'xml' || mediaType === 'csv')
    notSupported(`The request media type ${mediaType} without a body template`);
  if (batchSize > 1) notSupported(`A batch of the request media type ${mediaType} without a body template`);
}

function staticLookupsOf(step: StoredImport, http: HttpImportSettings): StaticLookups {
  const maps: Record<string, Readonly<Record<string, JsonValue | undefined>>> = {};
  for (const { name, map } of [...(step.lookups ?? []), ...(http.lookups ?? [])]) {
    if (map === undefined) notSupported(`The dynamic lookup ${name}`);
    Object.defineProperty(maps, name, { value: map, enumerable: true, configurable: true });
  }
  return maps;
}
