import { z } from 'zod';
import { anyObject, ref } from './fields.js';

/** Configuration that functions get as they are saved: an object, or an empty list where none was given. */
const configuration = () => z.union([anyObject(), z.array(z.unknown())]);

/** A function of a stack that reads or writes an application. Reference: resources §4.5, §5.4. */
export const wrapperStep = () => z.object({ function: z.string().min(1), configuration: configuration().optional() });

/** Reference: resources §6.5. */
export const wrapperConnection = () =>
  z.object({
    pingFunction: z.string().min(1),
    _stackId: ref().optional(),
    /** sealed as a whole */
    encrypted: z.union([anyObject(), z.literal('******')]).optional(),
    encryptedFields: z.array(anyObject()).optional(),
    unencrypted: anyObject().optional(),
    unencryptedFields: z.array(anyObject()).optional(),
    concurrencyLevel: z.number().int().min(1).max(100).optional(),
  });
