import type { Connection } from '#model';
import { httpAdaptor } from './http/index.js';
import type { Adaptor } from './ports.js';

const byAdaptorType: Readonly<Record<string, Adaptor>> = {
  HTTPExport: httpAdaptor,
  HTTPImport: httpAdaptor,
};

const byConnectionType: Readonly<Record<string, Adaptor>> = {
  http: httpAdaptor,
};

/** The adaptor of an export or import, by its `adaptorType`; undefined when there is none. */
export function adaptorFor(adaptorType: string): Adaptor | undefined {
  return Object.hasOwn(byAdaptorType, adaptorType) ? byAdaptorType[adaptorType] : undefined;
}

/** The adaptor that speaks to a connection; undefined when there is none. */
export function connectionAdaptorFor(connection: Connection): Adaptor | undefined {
  return Object.hasOwn(byConnectionType, connection.type) ? byConnectionType[connection.type] : undefined;
}
