import { z } from 'zod';
import { filterExpression, transformExpression, xmlParser } from './expressions.js';
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
import { fileImport, filesystem } from './file.js';
import { httpImport } from './http-import.js';
import { lookup } from './lookup.js';
import { mapping1, mapping2List } from './mapping.js';
import { rdbmsImport } from './rdbms.js';
import { wrapperStep } from './wrapper.js';

export const importAdaptors = ['HTTPImport', 'RDBMSImport', 'FileSystemImport', 'WrapperImport'] as const;
export const unsupportedImportAdaptors = [
  'FTPImport',
  'AS2Import',
  'S3Import',
  'NetSuiteImport',
  'NetSuiteDistributedImport',
  'NetSuiteHTTPImport',
  'SalesforceImport',
  'JDBCImport',
  'MongodbImport',
  'DynamodbImport',
  'AiAgentImport',
  'GuardrailImport',
  'ToolImport',
  'TopicImport',
  'RESTImport',
] as const;

const mockResponse = () =>
  z.array(
    z.object({
      statusCode: z.number().int().optional(),
      id: z.string().optional(),
      ignored: z.boolean().optional(),
      dataURI: z.string().optional(),
      errors: z
        .array(z.object({ code: z.string().optional(), message: z.string().optional(), source: z.string().optional() }))
        .optional(),
      _json: z.unknown().optional(),
      _headers: anyObject().optional(),
    }),
  );

/** What a client may write. Reference: resources §5.2. */
export const importInput = z.object({
  name: nameOf(100),
  ...sharedFields,
  ...settingsFields,
  _connectionId: ref().optional(),
  adaptorType: z.enum(importAdaptors).optional(),
  ignoreExisting: z.boolean().optional(),
  ignoreMissing: z.boolean().optional(),
  oneToMany: z.boolean().optional(),
  pathToMany: z.string().optional(),
  idLockTemplate: z.string().optional(),
  dataURITemplate: z.string().optional(),
  traceKeyTemplate: z.string().optional(),
  /** delivery attempts; default 3 (decision 11) */
  maxAttempts: z.number().int().min(1).optional(),
  filter: filterExpression().optional(),
  mapping: mapping1().optional(),
  mappings: mapping2List().optional(),
  /** `settings` adds `_CONTEXT` (decision 23) */
  mappingContext: z.enum(['record', 'settings']).optional(),
  lookups: z.array(lookup()).optional(),
  hooks: z
    .object({
      preMap: functionReference().optional(),
      postMap: functionReference().optional(),
      postSubmit: functionReference().optional(),
      postAggregate: functionReference().optional(),
    })
    .optional(),
  responseTransform: transformExpression().optional(),
  mockResponse: mockResponse().optional(),
  sampleData: z.unknown().optional(),
  sampleResponseData: z.unknown().optional(),
  blob: z.boolean().optional(),
  blobKeyPath: z.string().optional(),
  deleteAfterImport: z.boolean().optional(),
  distributed: z.boolean().optional(),
  distributedAdaptorData: anyObject().optional(),
  parsers: z.array(xmlParser()).optional(),
  http: httpImport().optional(),
  rdbms: rdbmsImport().optional(),
  filesystem: filesystem().optional(),
  wrapper: wrapperStep().optional(),
  file: fileImport().optional(),
  _ediProfileId: ref().optional(),
  debugUntil: instant().optional(),
  _integrationId: ref().optional(),
  assistant: z.string().optional(),
  assistantMetadata: anyObject().optional(),
  useTechAdaptorForm: z.boolean().optional(),
  unencrypted: anyObject().optional(),
  nsDomainType: z.enum(['suitetalk', 'restlet']).optional(),
  apim: apim().optional(),
});

export const importSchema = importInput.extend({ ...serverFields, apiIdentifier: z.string().optional() });
export type Import = z.infer<typeof importSchema>;
