import { z } from 'zod';
import { nameValues, ref } from './fields.js';
import { timeoutSeconds } from './http-connection.js';
import { lookup } from './lookup.js';

/** Positional fields take a bare value for their only entry; stored and returned is always the array. */
const positional = <S extends z.ZodType>(element: S) =>
  z.preprocess((value) => (value === undefined || Array.isArray(value) ? value : [value]), z.array(element));

const methods = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'] as const;
const media = ['xml', 'json', 'plaintext'] as const;

/** Arrays aligned by index with `method`. Reference: resources §5.3. */
export const httpImportResponse = () =>
  z.object({
    resourcePath: positional(z.string().nullable()).optional(),
    resourceIdPath: positional(z.string().nullable()).optional(),
    successPath: positional(z.string().nullable()).optional(),
    successValues: z.array(z.array(z.string()).nullable()).optional(),
    failPath: positional(z.string().nullable()).optional(),
    failValues: z.array(z.array(z.string()).nullable()).optional(),
    errorPath: z.string().optional(),
    allowArrayforSuccessPath: z.boolean().optional(),
    hasHeader: z.boolean().optional(),
  });
export type HttpImportResponse = z.infer<ReturnType<typeof httpImportResponse>>;

export const httpImport = () =>
  z.object({
    type: z.enum(['records', 'file']).optional(),
    formType: z.enum(['http', 'rest', 'graph_ql', 'assistant', 'assistant_graphql']).optional(),
    method: positional(z.enum(methods)).optional(),
    relativeURI: positional(z.string().max(131_072)).optional(),
    body: positional(z.string().nullable()).optional(),
    requestType: positional(z.enum(['CREATE', 'UPDATE'])).optional(),
    response: httpImportResponse().optional(),
    requestMediaType: z.enum(['xml', 'json', 'csv', 'urlencoded', 'form-data', 'octet-stream', 'plaintext']).optional(),
    successMediaType: z.enum(media).optional(),
    errorMediaType: z.enum(media).optional(),
    headers: nameValues().optional(),
    batchSize: z.number().int().min(1).optional(),
    sendPostMappedData: z.boolean().optional(),
    strictHandlebarEvaluation: z.boolean().optional(),
    ignoreEmptyNodes: z.boolean().optional(),
    existingExtract: z.string().optional(),
    existingLookupName: z.string().optional(),
    ignoreExtract: z.string().optional(),
    ignoreLookupName: z.string().optional(),
    lookups: z.array(lookup()).optional(),
    /** bytes */
    endPointBodyLimit: z.number().int().min(1).optional(),
    blobFormat: z.string().optional(),
    followRedirects: z.boolean().optional(),
    maxRedirects: z.number().int().min(1).max(10).optional(),
    _asyncHelperId: ref().optional(),
    _httpConnectorVersionId: ref().optional(),
    _httpConnectorResourceId: ref().optional(),
    _httpConnectorEndpointIds: z.array(ref()).optional(),
    isRest: z.boolean().optional(),
    /** Header that carries the idempotency key; `""` turns it off (decision 19). */
    idempotencyKeyHeader: z.string().optional(),
    timeoutSeconds: timeoutSeconds(),
  });
export type HttpImport = z.infer<ReturnType<typeof httpImport>>;
