import type { OutgoingMessage } from './bus.js';
import { busError } from './failures.js';

/** Also of requests and their answers. */
export const maxMessageBytes = 6 * 1024 * 1024;
const maxAtomicMessages = 1_000;
const maxHeaderBytes = 4 * 1024;
/** Of signals and offers; see {@link import('./bus.js').Bus.signal}. */
export const maxSignalBytes = 64 * 1024;

const maxKeyLength = 200;
const maxIdLength = 500;
const printable = /^[^\p{Cc}\u2028\u2029]+$/u;
const headerName = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * Refuses what an adapter could not carry unchanged, before anything is written, so that both adapters accept exactly
 * the same messages.
 *
 * @throws PlatformError `bus_message_invalid`
 */
export function assertMessage(message: OutgoingMessage): void {
  if (!isName(message.key, maxKeyLength)) refuse(message, `its key must be 1 to ${maxKeyLength} printable characters`);
  if (!isName(message.id, maxIdLength)) refuse(message, `its id must be 1 to ${maxIdLength} printable characters`);
  if (message.body.byteLength > maxMessageBytes) refuse(message, `its body exceeds ${maxMessageBytes} bytes`);
  let headerBytes = 0;
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    if (!headerName.test(name) || isReserved(name))
      refuse(message, `the header name ${JSON.stringify(name)} is not allowed`);
    if (value !== '' && (!printable.test(value) || value !== value.trim())) {
      refuse(message, `the value of header ${name} must be printable, without surrounding white space`);
    }
    headerBytes += name.length + Buffer.byteLength(value) + 4;
  }
  if (headerBytes > maxHeaderBytes) refuse(message, `its headers exceed ${maxHeaderBytes} bytes`);
}

/**
 * Refuses a batch that cannot be written at once. Commands and work live in different ledgers, so a batch holds
 * either, never both.
 *
 * @throws PlatformError `bus_message_invalid`
 */
export function assertAtomicBatch(messages: readonly OutgoingMessage[]): void {
  if (messages.length > maxAtomicMessages) {
    throw busError('bus_message_invalid', `An atomic batch holds at most ${maxAtomicMessages} messages.`);
  }
  const ids = new Set<string>();
  const families = new Set<string>();
  for (const message of messages) {
    assertMessage(message);
    const id = scopedId(message);
    if (ids.has(id)) refuse(message, 'its id is twice in the batch');
    ids.add(id);
    families.add(familyOf(message.queue));
  }
  if (families.size > 1) {
    throw busError('bus_message_invalid', 'An atomic batch holds either commands or work, not both.');
  }
}

/**
 * Refuses a signal or an offer that one of the adapters could not carry.
 *
 * @throws PlatformError `bus_message_invalid`
 */
export function assertHint(payload: string): void {
  if (Buffer.byteLength(payload) > maxSignalBytes) {
    throw busError('bus_message_invalid', `A signal or an offer holds at most ${maxSignalBytes} bytes.`);
  }
}

/** Ids are remembered per queue: the same derived id may name a page and its retry. */
export function scopedId(message: Pick<OutgoingMessage, 'queue' | 'id'>): string {
  return `${message.queue}/${message.id}`;
}

/** `work` or `cmd`: queues of one family share a ledger. */
function familyOf(queue: string): string {
  return queue.slice(0, queue.indexOf('.'));
}

/**
 * Requests and answers travel whole.
 *
 * @throws PlatformError `bus_message_invalid`
 */
export function assertRequestSize(what: 'request' | 'answer', topic: string, payload: Uint8Array): void {
  if (payload.byteLength <= maxMessageBytes) return;
  throw busError('bus_message_invalid', `A ${what} of ${topic} exceeds ${maxMessageBytes} bytes.`);
}

/** Bytes of a message on the wire, roughly: what batches and pulls are bounded by. */
export function messageBytes(message: OutgoingMessage): number {
  return message.body.byteLength + 256;
}

function isName(text: string, maxLength: number): boolean {
  return text.length <= maxLength && printable.test(text);
}

/** Names that the broker or this library writes itself. */
function isReserved(name: string): boolean {
  return /^(nats-|millrace-bus-|__proto__$)/i.test(name);
}

function refuse(message: OutgoingMessage, because: string): never {
  throw busError('bus_message_invalid', `A message for ${message.queue} was refused: ${because}.`);
}
