import { z } from 'zod';
import { description, nameOf, serverFields } from './fields.js';

export const stackTypes = ['server', 'lambda'] as const;

const awsRegions = [
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-southeast-1',
  'ap-southeast-2',
  'ap-south-1',
  'eu-central-1',
  'eu-west-1',
] as const;

/** What a client may write. Reference: resources §8. */
export const stackInput = z.object({
  name: nameOf(1024),
  description: description(),
  externalId: z.string().optional(),
  sandbox: z.boolean().optional(),
  type: z.enum(stackTypes),
  framework: z.literal('twoDotZero').optional(),
  server: z.object({ hostURI: z.string().optional(), ipRanges: z.array(z.string()).optional() }).optional(),
  lambda: z
    .object({
      accessKeyId: z.string().optional(),
      secretAccessKey: z.string().optional(),
      awsRegion: z.enum(awsRegions).optional(),
      functionName: z.string().optional(),
      language: z.enum(['Node.js', 'C#', 'Java', 'Other']).optional(),
    })
    .optional(),
});

/** The `systemToken`, which a stack's server knows its caller by, is stored with the stack and shown by its own route only. */
export const stack = stackInput.extend(serverFields);
export type Stack = z.infer<typeof stack>;

/** A stack as those who call it read it. */
export type StoredStack = Stack & { readonly _id: string; readonly systemToken?: string };
