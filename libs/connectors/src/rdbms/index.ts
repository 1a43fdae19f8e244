import { limitRecords } from '../limit-records.js';
import type { Adaptor } from '../ports.js';
import { RdbmsDestination } from './destination.js';
import { RdbmsLookup } from './lookup.js';
import { onceImport } from './once.js';
import { pingDatabase } from './ping.js';
import { RdbmsSource } from './source.js';

/** Adaptor of `RDBMSExport` and `RDBMSImport`: PostgreSQL. Reference: resources §4.5, §5.4. */
export const rdbmsAdaptor: Adaptor = {
  createSource: (step, host) => {
    const source = new RdbmsSource(step, host);
    return step.type === 'test' ? limitRecords(source, step.test?.limit ?? 1) : source;
  },
  createLookup: (step, host) => new RdbmsLookup(step, host),
  createDestination: (step, host) => new RdbmsDestination(step, host),
  createFlagWriter: (step, host) => new RdbmsDestination(onceImport(step), host),
  ping: pingDatabase,
};
