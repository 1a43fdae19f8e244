import { z } from 'zod';
import { nameValues, ref } from './fields.js';
import { timeoutSeconds } from './http-connection.js';

export const pagingMethods = ['linkheader', 'page', 'skip', 'token', 'url', 'relativeuri', 'body'] as const;

/** Reference: resources §4.4, runtime §5. */
export const paging = () =>
  z.object({
    method: z.enum(pagingMethods).optional(),
    page: z.number().int().optional(),
    skip: z.number().int().optional(),
    token: z.string().optional(),
    path: z.string().optional(),
    pathLocation: z.enum(['body', 'header']).optional(),
    pathAfterFirstRequest: z.string().optional(),
    relativeURI: z.string().max(131_072).optional(),
    body: z.string().optional(),
    mergeBodyParamsToPagingBody: z.boolean().optional(),
    linkHeaderRelation: z.string().optional(),
    resourcePath: z.string().optional(),
    lastPageStatusCode: z.number().int().optional(),
    lastPagePath: z.string().optional(),
    lastPageValues: z.array(z.string()).optional(),
    maxPagePath: z.string().optional(),
    maxCountPath: z.string().optional(),
  });
export type Paging = z.infer<ReturnType<typeof paging>>;

/** Reference: resources §4.4, runtime §6. */
export const httpExportResponse = () =>
  z.object({
    resourcePath: z.string().optional(),
    includeParentData: z.boolean().optional(),
    resourceIdPath: z.string().optional(),
    successPath: z.string().optional(),
    successValues: z.array(z.string()).optional(),
    errorPath: z.string().optional(),
    failPath: z.string().optional(),
    failValues: z.array(z.string()).optional(),
    allowArrayforSuccessPath: z.boolean().optional(),
    twoDArray: z.object({ hasHeader: z.boolean().optional(), doNotNormalize: z.boolean().optional() }).optional(),
    blobFormat: z.enum(['utf8', 'ucs2', 'utf-16le', 'ascii', 'binary', 'base64', 'hex']).optional(),
  });
export type HttpExportResponse = z.infer<ReturnType<typeof httpExportResponse>>;

export const httpExport = () =>
  z.object({
    type: z.enum(['file', 'blob', 'csvstream']).optional(),
    formType: z.enum(['http', 'rest', 'graph_ql', 'assistant', 'assistant_graphql']).optional(),
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']).optional(),
    relativeURI: z.string().max(131_072).optional(),
    headers: nameValues().optional(),
    body: z.string().optional(),
    requestMediaType: z.enum(['json', 'xml', 'urlencoded', 'form-data', 'plaintext']).optional(),
    successMediaType: z.enum(['json', 'xml', 'csv', 'plaintext']).optional(),
    errorMediaType: z.enum(['json', 'xml', 'plaintext']).optional(),
    followRedirects: z.boolean().optional(),
    maxRedirects: z.number().int().min(1).max(10).optional(),
    _asyncHelperId: ref().optional(),
    once: z
      .object({
        relativeURI: z.string().max(131_072).optional(),
        method: z.enum(['GET', 'PUT', 'POST', 'PATCH', 'DELETE']).optional(),
        body: z.string().optional(),
      })
      .optional(),
    paging: paging().optional(),
    response: httpExportResponse().optional(),
    sendAuthForFileDownloads: z.boolean().optional(),
    _httpConnectorVersionId: ref().optional(),
    _httpConnectorResourceId: ref().optional(),
    _httpConnectorEndpointId: ref().optional(),
    isRest: z.boolean().optional(),
    timeoutSeconds: timeoutSeconds(),
  });
export type HttpExport = z.infer<ReturnType<typeof httpExport>>;
