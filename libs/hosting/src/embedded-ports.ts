import { join } from 'node:path';
import { FolderBlobs } from '#blobs/folder/index';
import { createEmbeddedBus } from '#bus/embedded/index';
import { startEmbeddedPostgres } from '#store/embedded-postgres';
import { createPostgresStore } from '#store/postgres/index';
import { EmbeddedStream } from '#stream/embedded/index';
import type { Logger } from '#telemetry';
import { busReporter, streamLog } from './adapter-logs.js';
import { Opened, type Ports } from './ports.js';

export interface EmbeddedOptions {
  /** PostgreSQL, blobs and keys of this installation */
  readonly dataDir: string;
  /** a PostgreSQL that runs already; absent: one is started in the data folder */
  readonly databaseUrl?: string | undefined;
  readonly poolSize: number;
  readonly logger: Logger;
}

/** Everything on PostgreSQL and a folder, in one process; durable all the same. */
export async function openEmbeddedPorts(options: EmbeddedOptions): Promise<Ports> {
  const { dataDir, databaseUrl, logger } = options;
  const opened = new Opened();
  let url = databaseUrl;
  if (url === undefined) {
    const server = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres') });
    url = server.url;
    await opened.add(Promise.resolve({ close: () => server.stop() }));
  }
  const store = await opened.add(
    createPostgresStore({
      connectionString: url,
      poolSize: options.poolSize,
      onWarning: (message) => logger.warn({}, message),
    }),
  );
  const bus = await opened.add(createEmbeddedBus({ connectionString: url, reportError: busReporter(logger) }));
  const stream = await opened.add(EmbeddedStream.open({ databaseUrl: url, log: streamLog(logger) }));
  const blobs = await opened.add(FolderBlobs.open({ folder: join(dataDir, 'blobs') }));
  return { bus, stream, store, blobs, close: () => opened.close() };
}
