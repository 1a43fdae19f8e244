import { headers as createHeaders } from '@nats-io/transport-node';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { OutgoingMessage, QueueName } from '../bus.js';
import { scopedId } from '../limits.js';

export const messageIdHeader = 'Nats-Msg-Id';
/** Carries the id of a message that was published under another de-duplication id: a replayed dead letter. */
export const originalIdHeader = 'Millrace-Bus-Id';
export const reasonHeader = 'Millrace-Bus-Reason';
/** Name of the consumer that the sender prefers, as header text. */
export const prefersHeader = 'Millrace-Bus-Prefers';
/** Sequence of the message that this one carries on, in the same stream. */
const carriesOnHeader = 'Millrace-Bus-Carries-On';
const sizeHeader = 'Nats-Msg-Size';
const ownHeader = /^(nats-|millrace-bus-)/i;

interface WireMessage {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** @param carriesOn sequence of the message that this one carries on */
export function toWire(message: OutgoingMessage, subject: string, carriesOn?: number): WireMessage {
  const headers: Record<string, string> = { ...message.headers, [messageIdHeader]: scopedId(message) };
  if (message.prefers !== undefined) headers[prefersHeader] = toHeaderText(message.prefers);
  if (carriesOn !== undefined) headers[carriesOnHeader] = String(carriesOn);
  return { subject, headers, body: message.body };
}

export function toHeaders(record: Readonly<Record<string, string>>): MsgHdrs {
  const headers = createHeaders();
  for (const [name, value] of Object.entries(record)) headers.set(name, value);
  return headers;
}

/** The sender's own headers, without those of the broker and of this library. */
export function userHeaders(headers: MsgHdrs | undefined): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, values] of headers ?? []) {
    if (!ownHeader.test(name)) result[name] = values[0] ?? '';
  }
  return result;
}

export function idOf(headers: MsgHdrs | undefined, queue: QueueName): string {
  const original = headers?.get(originalIdHeader);
  if (original) return decodeURIComponent(original);
  return (headers?.get(messageIdHeader) ?? '').slice(queue.length + 1);
}

/** Sequence of the message that was carried on, if there is one. */
export function carriedOn(headers: MsgHdrs | undefined): number | undefined {
  const sequence = headers?.get(carriesOnHeader);
  return sequence ? Number(sequence) : undefined;
}

/** Size of the body when only the headers were delivered, else undefined. */
export function omittedBodyBytes(headers: MsgHdrs | undefined): number | undefined {
  const size = headers?.get(sizeHeader);
  return size ? Number(size) : undefined;
}

/** Header values must be printable and trimmed; reasons and ids of letters may be anything. */
export function toHeaderText(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
