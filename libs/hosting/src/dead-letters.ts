import { text } from 'node:stream/consumers';
import type { Blobs } from '#blobs';
import type { Bus } from '#bus';
import { streamLetter, streamLetterPrefix } from '#contracts';
import type { Stream } from '#stream';

export interface ListedLetter {
  /** What {@link DeadLetters.replay} is told: `bus/<id>`, or `dead-letters/<topic>/<partition>/<offset>`. */
  readonly name: string;
  /** the queue or topic that it came from */
  readonly from: string;
  /** of its message or event: the run, for most */
  readonly key: string;
  readonly reason: string;
  /** ISO 8601: rejected by the bus, or stored in the stream */
  readonly at: string;
  readonly bytes: number;
}

export interface LetterPorts {
  readonly bus: { readonly deadLetters: Bus['deadLetters'] };
  readonly stream: Pick<Stream, 'produce'>;
  readonly blobs: Pick<Blobs, 'get' | 'list' | 'delete'>;
}

const busPrefix = 'bus/';

/**
 * What nobody could process, wherever it was kept: work and commands by the bus, events of streams among the blobs.
 * Replaying gives it to those who could not, who have been mended, one hopes; then it is gone here.
 */
export class DeadLetters {
  constructor(private readonly ports: LetterPorts) {}

  /** Those of the bus first, each oldest first. @param limit of each kind */
  async list(limit: number): Promise<ListedLetter[]> {
    const { bus, blobs } = this.ports;
    const letters = (await bus.deadLetters.list(limit)).map(
      ({ id, queue, key, reason, rejectedAt, body }): ListedLetter => ({
        name: `${busPrefix}${id}`,
        from: queue,
        key,
        reason,
        at: rejectedAt,
        bytes: body.byteLength,
      }),
    );
    let listed = 0;
    for await (const { key: name } of blobs.list(streamLetterPrefix)) {
      if (listed === limit) break;
      const letter = await this.#read(name);
      if (letter === null) continue;
      const { topic: from, key, reason, storedAt: at, value } = letter;
      letters.push({ name, from, key, reason, at, bytes: Buffer.byteLength(value, 'base64') });
      listed += 1;
    }
    return letters;
  }

  /**
   * Publishes a letter where it came from, then removes it. Dying in between repeats it, which its readers are used to.
   *
   * @returns false when there is no such letter
   */
  async replay(name: string): Promise<boolean> {
    const { bus, stream, blobs } = this.ports;
    if (name.startsWith(busPrefix)) return bus.deadLetters.replay(name.slice(busPrefix.length));
    if (!name.startsWith(streamLetterPrefix)) return false;
    const letter = await this.#read(name);
    if (letter === null) return false;
    const { topic, key, headers, value } = letter;
    await stream.produce(topic, [{ key, headers, value: Buffer.from(value, 'base64') }]);
    await blobs.delete(name);
    return true;
  }

  async #read(name: string) {
    const content = await this.ports.blobs.get(name);
    return content === null ? null : streamLetter.decode(Buffer.from(await text(content)));
  }
}
