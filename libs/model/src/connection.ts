import { z } from 'zod';
import { filesystemConnection } from './file.js';
import { instant, nameOf, ref, serverFields, settingsFields, sharedFields } from './fields.js';
import { httpConnection } from './http-connection.js';
import { rdbmsConnection } from './rdbms.js';
import { wrapperConnection } from './wrapper.js';

export const connectionTypes = ['http', 'rdbms', 'filesystem', 'wrapper'] as const;
/** Types of the API we follow that are refused here, by name. */
export const unsupportedConnectionTypes = [
  'netsuite',
  'salesforce',
  'ftp',
  's3',
  'mongodb',
  'as2',
  'mcp',
  'dynamodb',
  'jdbc',
  'van',
  'rest',
] as const;

/** What a client may write. Reference: resources §6.2. */
export const connectionInput = z.object({
  name: nameOf(100),
  ...sharedFields,
  ...settingsFields,
  type: z.enum(connectionTypes),
  assistant: z.string().optional(),
  _agentId: ref().optional(),
  _agentGroupId: ref().optional(),
  _borrowConcurrencyFromConnectionId: ref().optional(),
  autoRecoverRateLimitErrors: z.boolean().optional(),
  debugDate: instant().optional(),
  debugUntil: instant().optional(),
  pgp: z
    .object({
      publicKey: z.string().optional(),
      privateKey: z.string().optional(),
      passphrase: z.string().optional(),
      compressionAlgorithm: z.enum(['zip', 'zlib']).optional(),
      asciiArmored: z.boolean().optional(),
    })
    .optional(),
  ssl: z
    .object({
      ca: z.string().optional(),
      key: z.string().optional(),
      passphrase: z.string().optional(),
      cert: z.string().optional(),
    })
    .optional(),
  endUserProvidedFields: z.array(z.string()).optional(),
  http: httpConnection().optional(),
  rdbms: rdbmsConnection().optional(),
  filesystem: filesystemConnection().optional(),
  wrapper: wrapperConnection().optional(),
});

/** A stored connection; secrets inside are sealed except right before use. */
export const connection = connectionInput.extend({
  ...serverFields,
  offline: z.boolean().optional(),
  queues: z.array(z.object({ name: z.string(), size: z.number().int() })).optional(),
  queueSize: z.number().int().optional(),
  needsAuthorization: z.boolean().optional(),
});
export type Connection = z.infer<typeof connection>;
