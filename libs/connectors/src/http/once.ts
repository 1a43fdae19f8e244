import { PlatformError } from '#failures';
import type { StoredExport } from './export-request.js';
import type { StoredImport } from './import-settings.js';

/**
 * The request by which an export of type `once` tells of a record that it was exported, as an import that sends it: permits,
 * retries and idempotency keys are those of imports. Reference: runtime §3, resources §4.4.
 *
 * @throws PlatformError when the export does not say where to
 */
export function onceImport({ _id, name, settings, http }: StoredExport): StoredImport {
  const once = http?.once;
  if (once?.relativeURI === undefined || once.relativeURI === '') {
    throw new PlatformError('missing_required_field', 'The export has no http.once.relativeURI.');
  }
  return {
    _id,
    name,
    settings,
    http: {
      method: [once.method ?? 'PUT'],
      relativeURI: [once.relativeURI],
      // Without a template nothing is sent; an import would send the record.
      body: [once.body ?? ''],
      headers: http?.headers,
      requestMediaType: http?.requestMediaType,
      followRedirects: http?.followRedirects,
      maxRedirects: http?.maxRedirects,
      timeoutSeconds: http?.timeoutSeconds,
    },
  };
}
