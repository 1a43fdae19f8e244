import type { Blobs } from '#blobs';
import { streamLetter, streamLetterPrefix } from '#contracts';
import type { StreamEvent, TopicName } from '#stream';

/**
 * Keeps events that cannot be read or stored, under `dead-letters/<topic>/<partition>/<offset>`: the event as it was, in
 * Base64, with the reason. Writing one twice leaves one. Its run is not complete without it, so the ledger's audit fails
 * that run visibly; the letter tells an operator why, who lists and replays it with `bin/dead-letters`.
 *
 * @returns the letter's key
 */
export async function keepDeadLetter(
  blobs: Pick<Blobs, 'put'>,
  topic: TopicName,
  partition: number,
  event: StreamEvent,
  reason: string,
): Promise<string> {
  const key = `${streamLetterPrefix}${topic}/${partition}/${event.offset}`;
  const letter = streamLetter.encode({
    v: 1,
    topic,
    partition,
    offset: String(event.offset),
    key: event.key,
    headers: { ...event.headers },
    storedAt: new Date(event.storedAtMs).toISOString(),
    reason,
    value: Buffer.from(event.value.buffer, event.value.byteOffset, event.value.byteLength).toString('base64'),
  });
  await blobs.put(key, letter);
  return key;
}
