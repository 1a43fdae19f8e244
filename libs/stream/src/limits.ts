import type { OutgoingEvent } from './stream.js';

/** Partitions of a topic that does not exist yet. */
export const defaultPartitions = 8;

/** Most bytes in one batch unless the consumer says otherwise. */
export const defaultMaxBatchBytes = 4 * 1024 * 1024;

/** Largest event that a stream accepts: key, headers and value, in bytes. */
export const maxEventBytes = 7 * 1024 * 1024;

/** Most bytes and events that one request to the server carries. */
export const maxRequestBytes = 4 * 1024 * 1024;
export const maxRequestEvents = 5_000;

/** Events older than this may be deleted. */
export const retentionMs = 7 * 24 * 60 * 60 * 1_000;

export function eventBytes(event: OutgoingEvent): number {
  let bytes = Buffer.byteLength(event.key) + event.value.byteLength;
  for (const [name, value] of Object.entries(event.headers ?? {})) bytes += name.length + value.length;
  return bytes;
}

/**
 * Refuses what one of the servers could not store, before it can spoil a request that others share.
 *
 * @throws RangeError for an event over {@link maxEventBytes}; TypeError for a key that holds U+0000
 */
export function assertProducible(events: readonly OutgoingEvent[]): void {
  for (const event of events) {
    if (eventBytes(event) > maxEventBytes) {
      throw new RangeError(`An event of ${eventBytes(event)} bytes is larger than ${maxEventBytes}`);
    }
    if (event.key.includes('\0')) throw new TypeError('The key of an event must not hold U+0000');
  }
}
