import type { Delivery, OutgoingMessage } from '#bus';

/**
 * Messages of one batch that carry on a delivery. Another try of it may make other messages, but it shares the first or
 * the last with these; so those two say so, and nothing more is written for the rest.
 */
export function carryOn(messages: readonly OutgoingMessage[], delivery: Delivery): readonly OutgoingMessage[] {
  return messages.map((message, i) =>
    i === 0 || i === messages.length - 1 ? { ...message, carriesOn: delivery } : message,
  );
}
