import { z } from 'zod';
import { defineMessage } from './message.js';

/**
 * A gateway that is shown a one-time token asks the executor that waits for the function of a stack whether it still does.
 * Nothing is stored for that, and nobody is asked about tokens that are not used.
 */
export const oneTimeCallTopic = (executorId: string): string => `one-time-call.${executorId}`;

const v = z.literal(1);

export const oneTimeCallQuestion = defineMessage(
  'one-time-call',
  1,
  z.object({ v, callId: z.string().regex(/^[0-9a-f]{24}$/) }),
);

export const oneTimeCallAnswer = defineMessage('one-time-call.answer', 1, z.object({ v, isOpen: z.boolean() }));
