import { z } from 'zod';
import { anyObject, nameValues, ref } from './fields.js';
import { httpAuth } from './http-auth.js';

const describedFields = () =>
  z.array(
    z.object({
      id: z.string(),
      label: z.string().optional(),
      required: z.boolean().optional(),
      position: z.number().optional(),
      helpText: z.string().optional(),
      type: z.string().optional(),
    }),
  );

const timeoutSeconds = () => z.number().positive().max(3600).optional();

/** Reference: resources §6.3. */
export const httpConnection = () =>
  z.object({
    baseURI: z.string().min(1),
    mediaType: z.enum(['xml', 'json', 'urlencoded', 'form-data', 'plaintext']),
    successMediaType: z.enum(['xml', 'csv', 'json', 'plaintext']).optional(),
    errorMediaType: z.enum(['xml', 'json', 'plaintext']).optional(),
    /** Above the cap the value is clamped, not refused. */
    concurrencyLevel: z
      .number()
      .int()
      .min(1)
      .transform((level) => Math.min(level, 50))
      .optional(),
    targetConcurrencyLevel: z.number().int().min(1).max(50).optional(),
    retryHeader: z.string().optional(),
    rateLimit: z
      .object({
        failStatusCode: z.number().int().optional(),
        failPath: z.string().optional(),
        failValues: z.array(z.string()).optional(),
        limit: z.number().positive().optional(),
      })
      .optional(),
    ping: z
      .object({
        relativeURI: z.string().optional(),
        method: z.enum(['GET', 'POST', 'PUT', 'HEAD']).optional(),
        body: z.string().optional(),
        successPath: z.string().optional(),
        successValues: z.array(z.string()).optional(),
        allowArrayforSuccessPath: z.boolean().optional(),
        failPath: z.string().optional(),
        failValues: z.array(z.string()).optional(),
        errorPath: z.string().optional(),
      })
      .optional(),
    headers: nameValues().optional(),
    /** Secrets of custom authentication; reads back as the text `******`, which keeps the stored value when sent. */
    encrypted: z.union([anyObject(), z.literal('******')]).optional(),
    encryptedFields: describedFields().optional(),
    unencrypted: anyObject().optional(),
    unencryptedFields: describedFields().optional(),
    clientCertificates: z
      .object({
        cert: z.string().optional(),
        key: z.string().optional(),
        ca: z.string().optional(),
        passphrase: z.string().optional(),
        pfx: z.string().optional(),
      })
      .optional(),
    auth: httpAuth().optional(),
    disableStrictSSL: z.boolean().optional(),
    formType: z.string().optional(),
    type: z.string().optional(),
    _iClientId: ref().optional(),
    _httpConnectorId: ref().optional(),
    _httpConnectorApiId: ref().optional(),
    _httpConnectorVersionId: ref().optional(),
    isRest: z.boolean().optional(),
    useNewAuthFailSchema: z.boolean().optional(),
    /** First byte of an answer, in seconds; default 60 (decision 12). */
    timeoutSeconds: timeoutSeconds(),
  });
export type HttpConnection = z.infer<ReturnType<typeof httpConnection>>;
export { timeoutSeconds };
