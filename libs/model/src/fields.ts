import { z } from 'zod';
import { isId } from './ids.js';
import type { JsonRecord } from './json.js';

/** Building blocks of the resource schemas. Every object strips what it does not know. Reference: resources §1.2. */

/** Reference to another resource. A malformed id is refused with 400 `invalid_ref`; existence is the API's to check. */
export const ref = () =>
  z
    .string()
    .refine(isId, { params: { code: 'invalid_ref' }, message: 'The reference is not a valid id.' })
    .meta({ pattern: '^[0-9a-f]{24}$' });

/** Any JSON object, kept as it is. */
export const anyObject = () => z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonRecord, JsonRecord>;

/** ISO 8601 instant. */
export const instant = () => z.iso.datetime({ offset: true });

/** Resource name with its cap in characters; that it is not empty is a rule of its own. Reference: resources §1.2. */
export const nameOf = (max: number) => z.string().max(max).meta({ minLength: 1 });

export const description = (max = 5120) => z.string().max(max).optional();

export const nameValues = () => z.array(z.object({ name: z.string(), value: z.string().optional() }));

/** A function of a stored script, or of a stack. Reference: runtime §16.1. */
export const functionReference = () =>
  z.object({
    function: z.string().optional(),
    _scriptId: ref().optional(),
    _stackId: ref().optional(),
    configuration: anyObject().optional(),
  });

export const settingsForm = () => z.object({ form: anyObject().optional(), init: functionReference().optional() });

export const aiDescription = () =>
  z.object({
    summary: z.string().max(10_240).nullish(),
    detailed: z.string().max(10_240).nullish(),
    generatedOn: z.string().nullish(),
  });

/** Client-writable fields shared by all resources of integrations. */
export const sharedFields = {
  description: description(),
  externalId: z.string().optional(),
  draft: z.boolean().optional(),
  sandbox: z.boolean().optional(),
  aiDescription: aiDescription().optional(),
};

export const settingsFields = {
  settings: anyObject().optional(),
  settingsForm: settingsForm().optional(),
  preSave: functionReference().optional(),
};

/** Set by the server; ignored when a client sends them. */
export const serverFields = {
  _id: z.string().optional(),
  createdAt: instant().optional(),
  lastModified: instant().optional(),
  lastModifiedBy: z.string().optional(),
  deletedAt: instant().optional(),
  draftExpiresAt: instant().optional(),
  _sourceId: z.string().optional(),
  _templateId: z.string().optional(),
  _connectorId: z.string().optional(),
};

export const aliases = () =>
  z.array(
    z.object({
      alias: z.string(),
      description: description(),
      _exportId: ref().optional(),
      _importId: ref().optional(),
      _flowId: ref().optional(),
      _connectionId: ref().optional(),
      _lookupCacheId: ref().optional(),
    }),
  );

export const apim = () =>
  z.array(
    z.object({
      apiId: z.string().optional(),
      flowId: z.string().optional(),
      status: z.enum(['oaspending', 'published']).optional(),
      definitionVersion: z.string().optional(),
    }),
  );
