import type { Connection } from '#model';
import { filesystemAdaptor } from './filesystem/index.js';
import { httpAdaptor } from './http/index.js';
import type { Adaptor } from './ports.js';
import { rdbmsAdaptor } from './rdbms/index.js';
import { wrapperAdaptor } from './wrapper/index.js';

const byAdaptorType: Readonly<Record<string, Adaptor>> = {
  HTTPExport: httpAdaptor,
  HTTPImport: httpAdaptor,
  RDBMSExport: rdbmsAdaptor,
  RDBMSImport: rdbmsAdaptor,
  FileSystemExport: filesystemAdaptor,
  FileSystemImport: filesystemAdaptor,
  WrapperExport: wrapperAdaptor,
  WrapperImport: wrapperAdaptor,
};

const byConnectionType: Readonly<Record<string, Adaptor>> = {
  http: httpAdaptor,
  rdbms: rdbmsAdaptor,
  filesystem: filesystemAdaptor,
  wrapper: wrapperAdaptor,
};

/** The adaptor of an export or import, by its `adaptorType`; undefined when there is none. */
export function adaptorFor(adaptorType: string): Adaptor | undefined {
  return Object.hasOwn(byAdaptorType, adaptorType) ? byAdaptorType[adaptorType] : undefined;
}

/** The adaptor that speaks to a connection; undefined when there is none. */
export function connectionAdaptorFor(connection: Connection): Adaptor | undefined {
  return Object.hasOwn(byConnectionType, connection.type) ? byConnectionType[connection.type] : undefined;
}
