import { PlatformError } from '#failures';
import type { Export } from '#model';
import type { StoredImport } from './import-settings.js';

/**
 * The query by which an export of type `once` marks a record as exported, as an import that runs it for each record.
 * Reference: runtime §3, resources §4.5.
 *
 * @throws PlatformError when the export has none
 */
export function onceImport({ _id, name, settings, rdbms }: Export & { readonly _id: string }): StoredImport {
  const query = rdbms?.once?.query;
  if (query === undefined || query === '') {
    throw new PlatformError('missing_required_field', 'The export has no rdbms.once.query.');
  }
  return { _id, name, settings, rdbms: { queryType: ['per_record'], query: [query] } };
}
