import { z } from 'zod';
import { anyObject, ref } from './fields.js';
import { lookup } from './lookup.js';

export const rdbmsTypes = [
  'mysql',
  'postgresql',
  'mssql',
  'snowflake',
  'oracle',
  'bigquery',
  'redshift',
  'mariadb',
  'azuresynapse',
] as const;

/** Reference: resources §6.5. */
export const rdbmsConnection = () =>
  z.object({
    type: z.enum(rdbmsTypes),
    host: z.string().optional(),
    port: z.number().int().min(1).max(65_535).optional(),
    database: z.string().optional(),
    instanceName: z.string().optional(),
    user: z.string().optional(),
    password: z.string().optional(),
    version: z.string().optional(),
    serviceName: z.string().optional(),
    serverType: z.enum(['dedicated', 'shared', 'pooled']).optional(),
    disableStrictSSL: z.boolean().optional(),
    ssl: z.union([z.boolean(), anyObject()]).optional(),
    options: z.array(z.object({ name: z.string(), value: z.string().optional() })).optional(),
    key: z.string().optional(),
    passphrase: z.string().optional(),
    _iClientId: ref().optional(),
    /** 1–100, default 5. Reference: limits A2. */
    concurrencyLevel: z.number().int().min(1).max(100).optional(),
  });
export type RdbmsConnection = z.infer<ReturnType<typeof rdbmsConnection>>;

/** Reference: resources §4.5. */
export const rdbmsExport = () =>
  z.object({
    query: z.string().optional(),
    once: z.object({ query: z.string().optional() }).optional(),
    tables: z.string().optional(),
  });
export type RdbmsExport = z.infer<ReturnType<typeof rdbmsExport>>;

/** Reference: resources §5.4. */
export const rdbmsImport = () =>
  z.object({
    queryType: z.array(
      z.enum(['INSERT', 'UPDATE', 'bulk_insert', 'per_record', 'per_page', 'first_page', 'bulk_load']),
    ),
    query: z.array(z.string().nullable()).optional(),
    bulkInsert: z
      .object({ tableName: z.string().optional(), batchSize: z.union([z.string(), z.number()]).optional() })
      .optional(),
    bulkLoad: z
      .object({
        tableName: z.string().optional(),
        primaryKeys: z.array(z.string()).optional(),
        overrideMergeQuery: z.union([z.boolean(), z.string()]).optional(),
      })
      .optional(),
    lookups: z.array(lookup()).optional(),
    updateLookupName: z.string().optional(),
    updateExtract: z.string().optional(),
    ignoreLookupName: z.string().optional(),
    ignoreExtract: z.string().optional(),
  });
export type RdbmsImport = z.infer<ReturnType<typeof rdbmsImport>>;
