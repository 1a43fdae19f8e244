import { PlatformError } from '#failures';
import type { Connection } from '#model';
import { limitRecords } from '../limit-records.js';
import type { Adaptor, ConnectorHost, PingResult } from '../ports.js';
import { FilesystemDestination } from './destination.js';
import { openFolder } from './folder.js';
import { FilesystemSource } from './source.js';

/** Adaptor of `FileSystemExport` and `FileSystemImport`. Reference: resources §4.5, §5.4. */
export const filesystemAdaptor: Adaptor = {
  createSource: (step, host) => {
    const source = new FilesystemSource(step, host);
    return step.type === 'test' ? limitRecords(source, step.test?.limit ?? 1) : source;
  },
  createLookup: () => {
    throw new PlatformError('not_supported', 'A lookup in files is not supported yet.');
  },
  createDestination: (step, host) => new FilesystemDestination(step, host),
  ping: pingFolder,
};

async function pingFolder(connection: Connection, host: ConnectorHost): Promise<PingResult> {
  const folder = await openFolder(host.filesystemRoot, connection.filesystem?.ping?.directoryPath ?? '', false);
  if (typeof folder === 'string') return { code: 200 };
  return { code: folder.code === 'not_found' ? 404 : 422, errors: [{ code: folder.code, message: folder.message }] };
}
