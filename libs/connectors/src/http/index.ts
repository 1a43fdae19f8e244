import { limitRecords } from '../limit-records.js';
import type { Adaptor } from '../ports.js';
import { HttpDestination } from './destination.js';
import { HttpLookup } from './lookup.js';
import { onceImport } from './once.js';
import { pingHttp } from './ping.js';
import { HttpSource } from './source.js';

/** Adaptor of `HTTPExport` and `HTTPImport`. Reference: runtime §4-§6, §9. */
export const httpAdaptor: Adaptor = {
  createSource: (step, host) => {
    const source = new HttpSource(step, host);
    return step.type === 'test' ? limitRecords(source, step.test?.limit ?? 1) : source;
  },
  createLookup: (step, host) => new HttpLookup(step, host),
  createDestination: (step, host) => new HttpDestination(step, host),
  createFlagWriter: (step, host) => new HttpDestination(onceImport(step), host),
  ping: pingHttp,
};
