import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import type { Bus, DeadLetter, Delivery } from '../bus.js';
import { retryWhileUnavailable } from '../retry.js';
import { busCodes, busError } from '../failures.js';
import { PlatformError } from '#failures';
import type { Connection } from './connection.js';
import type { Names } from './subjects.js';
import { fromToken } from './subjects.js';
import { messageIdHeader, originalIdHeader, reasonHeader, toHeaders, toHeaderText, userHeaders } from './wire.js';

const requestTimeoutMs = 10_000;
const listBatch = 64;

/** Rejected messages: a stream of its own, one subject per letter, so that a letter is found by its id. */
export class DeadLetterBox implements Readonly<Bus['deadLetters']> {
  readonly #connection: Connection;
  readonly #jsm: JetStreamManager;
  readonly #names: Names;
  readonly #timeoutMs: number;

  constructor(connection: Connection, jsm: JetStreamManager, names: Names, timeoutMs: number) {
    this.#connection = connection;
    this.#jsm = jsm;
    this.#names = names;
    this.#timeoutMs = timeoutMs;
  }

  /** Stores a copy before the message itself is terminated; rejecting the same message again stores nothing more. */
  async add(delivery: Delivery, streamSequence: number, body: Uint8Array, reason: string): Promise<void> {
    await this.#publish(this.#names.deadSubject(delivery.id, delivery.queue, delivery.key), body, {
      ...delivery.headers,
      [messageIdHeader]: `${this.#names.streamOf(delivery.queue)}/${streamSequence}`,
      [reasonHeader]: toHeaderText(reason.slice(0, 1_000)),
    });
  }

  async list(limit: number): Promise<readonly DeadLetter[]> {
    const letters: DeadLetter[] = [];
    let sequence = 1;
    while (letters.length < limit) {
      const batch = Math.min(limit - letters.length, listBatch);
      let received = 0;
      try {
        for await (const stored of await this.#jsm.direct.getBatch(this.#names.deadStream, { seq: sequence, batch })) {
          letters.push(this.#toLetter(stored));
          sequence = stored.seq + 1;
          received += 1;
        }
      } catch (error) {
        // The client reports the end of an empty range as an error.
        if (!isNothingFound(error)) throw busError('bus_unavailable', 'The dead letters could not be read.', error);
      }
      if (received === 0) break;
    }
    return letters;
  }

  async replay(id: string): Promise<boolean> {
    const info = await this.#jsm.streams.info(this.#names.deadStream, { subjects_filter: this.#names.deadFilter(id) });
    let replayed = false;
    for (const subject of Object.keys(info.state.subjects ?? {})) {
      const stored = await this.#jsm.direct.getMessage(this.#names.deadStream, { last_by_subj: subject });
      if (stored === null) continue;
      const letter = this.#toLetter(stored);
      const target = this.#names.replaySubject(letter.queue, letter.key);
      // Its own id was published before, so it travels under one that names the letter: replaying twice publishes once.
      await this.#publish(target, stored.data, {
        ...letter.headers,
        [messageIdHeader]: `${letter.queue}/replay-${stored.seq}`,
        [originalIdHeader]: toHeaderText(letter.id),
      });
      await this.#jsm.streams.deleteMessage(this.#names.deadStream, stored.seq, false);
      replayed = true;
    }
    return replayed;
  }

  async #publish(subject: string, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void> {
    await retryWhileUnavailable(
      async () => {
        const answer = await this.#connection.request(subject, body, requestTimeoutMs, toHeaders(headers));
        const ack: { error?: { description?: string } } = answer.json();
        if (ack.error) throw busError('bus_unavailable', `NATS refused a dead letter: ${ack.error.description ?? ''}`);
      },
      {
        forMs: this.#timeoutMs,
        isTransient: (error) => error instanceof PlatformError && error.code === busCodes.bus_unavailable.code,
      },
    );
  }

  #toLetter(stored: StoredMsg): DeadLetter {
    const { id, queue, key } = this.#names.parseDeadSubject(stored.subject);
    return {
      id,
      queue,
      key,
      headers: userHeaders(stored.header),
      body: stored.data,
      reason: fromToken(stored.header.get(reasonHeader)),
      rejectedAt: stored.time.toISOString(),
    };
  }
}

function isNothingFound(error: unknown): boolean {
  return error instanceof Error && /no results|message not found/i.test(error.message);
}
