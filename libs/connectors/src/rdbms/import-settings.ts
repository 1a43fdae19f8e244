import { compositeOf } from '#engine/flow/composite';
import { PlatformError } from '#failures';
import type { Import } from '#model';
import { compileTemplate, type StaticLookups, type Template } from '../templates.js';
import { quoteTable } from './quoting.js';

export type StoredImport = Import & { readonly _id: string };

/** What a database import does with a page, compiled. Reference: resources §5.4, runtime §9.3. */
export type WritePlan =
  | { readonly kind: 'per_record'; readonly query: Template }
  /** A record is inserted or updated, as the engine decided. */
  | { readonly kind: 'composite'; readonly create: Template; readonly update: Template }
  | { readonly kind: 'per_page' | 'first_page'; readonly query: Template }
  | {
      readonly kind: 'bulk';
      /** Quoted. */
      readonly table: string;
      readonly batchSize: number;
      /** Columns that name a row; rows that exist are updated. Empty: rows are only inserted. */
      readonly primaryKeys: readonly string[];
    };

const DEFAULT_BATCH_SIZE = 1_000;

/** @throws PlatformError `not_supported` or `invalid_value`: nothing is skipped silently */
export function readWritePlan(step: StoredImport, maps: StaticLookups): WritePlan {
  const { rdbms } = step;
  if (rdbms === undefined) throw new PlatformError('invalid_value', 'The import has no rdbms settings.');
  const [type, second] = rdbms.queryType;
  if (type === undefined) throw new PlatformError('invalid_value', 'rdbms.queryType is empty.');
  const composite = compositeOf(step);
  if (composite !== undefined) {
    const { create, update } = composite;
    return { kind: 'composite', create: queryOf(step, maps, create), update: queryOf(step, maps, update) };
  }
  if (second !== undefined) notSupported(`The query types ${type} and ${second} together`);
  switch (type) {
    case 'bulk_insert':
      return {
        kind: 'bulk',
        table: tableOf(rdbms.bulkInsert?.tableName, 'bulkInsert'),
        batchSize: batchSizeOf(rdbms.bulkInsert?.batchSize),
        primaryKeys: rdbms.bulkLoad?.primaryKeys ?? [],
      };
    case 'bulk_load':
      if (rdbms.bulkLoad?.overrideMergeQuery) notSupported('bulkLoad.overrideMergeQuery');
      return {
        kind: 'bulk',
        table: tableOf(rdbms.bulkLoad?.tableName, 'bulkLoad'),
        batchSize: DEFAULT_BATCH_SIZE,
        primaryKeys: rdbms.bulkLoad?.primaryKeys ?? [],
      };
    case 'per_page':
    case 'first_page':
      return { kind: type, query: queryOf(step, maps) };
    default:
      return { kind: 'per_record', query: queryOf(step, maps) };
  }
}

function queryOf(step: StoredImport, maps: StaticLookups, at = 0): Template {
  const query = step.rdbms?.query?.[at];
  if (!query) throw new PlatformError('invalid_value', `The import has no rdbms.query[${at}].`);
  return compileTemplate(query, 'sql', 'resource', 'query', maps);
}

function tableOf(name: string | undefined, field: string): string {
  const table = name === undefined ? null : quoteTable(name);
  if (table === null) throw new PlatformError('invalid_value', `rdbms.${field}.tableName is not a table name.`);
  return table;
}

function batchSizeOf(value: string | number | undefined): number {
  const size = value === undefined || value === '' ? DEFAULT_BATCH_SIZE : Number(value);
  if (!Number.isInteger(size) || size < 1)
    throw new PlatformError('invalid_value', 'rdbms.bulkInsert.batchSize is not a number of records.');
  return size;
}

function notSupported(what: string): never {
  throw new PlatformError('not_supported', `${what} is not supported yet.`);
}
