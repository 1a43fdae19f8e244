import { PlatformError } from '#failures';
import type { Export } from '#model';
import { BodyTemplate } from './body-template.js';
import { type MediaType, RequestTemplate } from './request-template.js';
import { READ_POLICY } from './retry.js';
import type { SendOptions } from './client.js';

export type StoredExport = Export & { readonly _id: string };
export type HttpExportSettings = NonNullable<Export['http']>;

/** What all reads of an export share, compiled. */
export interface CompiledRead {
  readonly http: HttpExportSettings;
  readonly request: RequestTemplate;
  readonly body: BodyTemplate | null;
  readonly options: SendOptions;
}

/**
 * @throws PlatformError `not_supported` for what cannot be read yet, or a configuration error: the run is refused
 */
export function compileRead(step: StoredExport, fallbackMedia: MediaType = 'json'): CompiledRead {
  const { http } = step;
  if (http === undefined) throw new PlatformError('invalid_value', 'The export has no http settings.');
  refuseUnsupported(step, http);
  const mediaType = http.requestMediaType ?? fallbackMedia;
  return {
    http,
    request: new RequestTemplate({
      method: http.method ?? 'GET',
      relativeURI: http.relativeURI ?? '',
      headers: http.headers,
      mediaType,
    }),
    body: http.body ? new BodyTemplate(http.body, mediaType) : null,
    options: {
      retry: READ_POLICY,
      redirects: { follow: http.followRedirects !== false, max: http.maxRedirects ?? 5 },
      timeoutSeconds: http.timeoutSeconds,
      abortable: true,
    },
  };
}

function refuseUnsupported(step: StoredExport, http: HttpExportSettings): void {
  const refuse = (what: string): never => {
    throw new PlatformError('not_supported', `${what} is not supported yet.`);
  };
  if (step.type === 'blob' || http.type === 'blob') refuse('An export of type blob');
  if (http.type !== undefined) refuse(`An HTTP export of type ${http.type}`);
  if (http._asyncHelperId !== undefined) refuse('An async helper');
  if (http.successMediaType === 'xml' || http.successMediaType === 'plaintext')
    refuse(`The success media type ${http.successMediaType}`);
  if (http.requestMediaType === 'form-data') refuse('The request media type form-data');
}
