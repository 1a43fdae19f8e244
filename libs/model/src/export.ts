import { z } from 'zod';
import { filterExpression, mockOutput, transformExpression, xmlParser } from './expressions.js';
import {
  anyObject,
  apim,
  functionReference,
  instant,
  nameOf,
  ref,
  serverFields,
  settingsFields,
  sharedFields,
} from './fields.js';
import { fileExport, filesystem } from './file.js';
import { httpExport } from './http-export.js';
import { lookup } from './lookup.js';
import { mapping2List } from './mapping.js';
import { rdbmsExport } from './rdbms.js';
import { wrapperStep } from './wrapper.js';

export const exportAdaptors = ['HTTPExport', 'RDBMSExport', 'FileSystemExport', 'WrapperExport'] as const;
export const unsupportedExportAdaptors = [
  'FTPExport',
  'AS2Export',
  'S3Export',
  'NetSuiteExport',
  'NetSuiteHTTPExport',
  'SalesforceExport',
  'JDBCExport',
  'MongodbExport',
  'DynamodbExport',
  'SimpleExport',
  'WebhookExport',
  'TopicExport',
  'RESTExport',
] as const;

export const exportModes = ['all', 'delta', 'once', 'test', 'blob'] as const;
export const unsupportedExportModes = ['webhook', 'tranlinedelta', 'simple', 'distributed', 'stream'] as const;

/** What a client may write. Reference: resources §4.2. */
export const exportInput = z.object({
  name: nameOf(100),
  ...sharedFields,
  ...settingsFields,
  _connectionId: ref().optional(),
  adaptorType: z.enum(exportAdaptors).optional(),
  /** null is `all` */
  type: z.enum(exportModes).nullable().optional(),
  /** records (groups, when grouping) per page; default 20 */
  pageSize: z.number().int().optional(),
  isLookup: z.boolean().optional(),
  oneToMany: z.boolean().optional(),
  pathToMany: z.string().optional(),
  groupByFields: z.array(z.string()).optional(),
  skipGrouping: z.boolean().optional(),
  delta: z
    .object({
      dateField: z.string().optional(),
      dateFormat: z.string().optional(),
      /** milliseconds */
      lagOffset: z.number().int().optional(),
      startDate: z.string().optional(),
      endDateField: z.string().optional(),
    })
    .optional(),
  test: z.object({ limit: z.number().int().min(1).max(100).optional() }).optional(),
  once: z.object({ booleanField: z.string().optional() }).optional(),
  valueDelta: z.object({ exportedField: z.string().optional(), pendingField: z.string().optional() }).optional(),
  http: httpExport().optional(),
  rdbms: rdbmsExport().optional(),
  filesystem: filesystem().optional(),
  wrapper: wrapperStep().optional(),
  file: fileExport().optional(),
  parsers: z.array(xmlParser()).optional(),
  filter: filterExpression().optional(),
  inputFilter: filterExpression().optional(),
  mappings: mapping2List().optional(),
  lookups: z.array(lookup()).optional(),
  mappingContext: z.enum(['record', 'settings']).optional(),
  transform: transformExpression().optional(),
  hooks: z.object({ preSavePage: functionReference().optional(), preParse: functionReference().optional() }).optional(),
  dataURITemplate: z.string().optional(),
  traceKeyTemplate: z.string().optional(),
  idLockTemplate: z.string().optional(),
  skipRetries: z.boolean().optional(),
  mockOutput: mockOutput().optional(),
  sampleData: z.unknown().optional(),
  sampleHeaders: z.unknown().optional(),
  rawData: z.unknown().optional(),
  assistant: z.string().optional(),
  assistantMetadata: anyObject().optional(),
  useTechAdaptorForm: z.boolean().optional(),
  unencrypted: anyObject().optional(),
  _ediProfileId: ref().optional(),
  _postParseListenerId: ref().optional(),
  nsDomainType: z.enum(['suitetalk', 'restlet']).optional(),
  debugUntil: instant().optional(),
  _integrationId: ref().optional(),
  apim: apim().optional(),
});

export const exportSchema = exportInput.extend({
  ...serverFields,
  apiIdentifier: z.string().optional(),
  asynchronous: z.boolean().optional(),
  __linkedLookupCacheIds: z.array(z.string()).optional(),
});
export type Export = z.infer<typeof exportSchema>;
