import { headers as createHeaders } from '@nats-io/transport-node';
import type { Msg, MsgHdrs, Subscription as NatsSub } from '@nats-io/transport-node';
import type { QueueName } from '../bus.js';
import type { ReportError } from '../delivery-runner.js';
import type { Connection } from './connection.js';
import type { Names } from './subjects.js';
import { prefersHeader, toHeaderText } from './wire.js';

const announceEveryMs = 500;
/** A consumer that was not heard of for this long is taken to be gone. */
const presentForMs = 1_500;
const ackSubjectHeader = 'Millrace-Bus-Ack';
const subjectHeader = 'Millrace-Bus-Subject';

/** A message as leased, wherever it came from: its reply subject settles it, on any connection. */
export interface LeasedMessage {
  readonly subject: string;
  readonly reply: string;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
}

export interface HandOverOptions {
  readonly queue: QueueName;
  readonly consumerId: string;
  /** Whether this consumer takes messages that prefer it. */
  readonly keepsUp: () => boolean;
  readonly received: (message: LeasedMessage) => void;
}

/**
 * Affinity: a consumer that was leased a message which another one prefers passes the lease on. JetStream settles by reply
 * subject, whoever asks, so a hand-over is one plain message; the stream's ledger does not notice. Consumers announce
 * themselves twice a second, and say whether they keep up; what prefers someone silent is not passed on. A hand-over that
 * is lost on the way, or with its receiver, comes back when its lease expires, like any message of a consumer that died.
 */
export class HandOver {
  readonly #connection: Connection;
  readonly #names: Names;
  readonly #options: HandOverOptions;
  readonly #ownName: string;
  /** name of another consumer that keeps up → when it was last heard of */
  readonly #present = new Map<string, number>();
  readonly #subs: NatsSub[];
  readonly #announcing: NodeJS.Timeout;

  constructor(connection: Connection, names: Names, options: HandOverOptions, reportError: ReportError) {
    this.#connection = connection;
    this.#names = names;
    this.#options = options;
    this.#ownName = toHeaderText(options.consumerId);
    const { queue, consumerId } = options;
    const failed = (error: Error): void => reportError(error, `The hand-over of ${queue} failed`);
    this.#subs = [
      // A queue group, so that a message reaches one of two that run under one name while one takes over.
      connection.nc.subscribe(names.handOverSubject(queue, consumerId), {
        queue: 'owner',
        callback: (error, message) => (error ? failed(error) : this.#receive(message)),
      }),
      connection.nc.subscribe(names.presenceSubject(queue), {
        callback: (error, message) => (error ? failed(error) : this.#heard(message.string())),
      }),
    ];
    this.#announcing = setInterval(() => this.#announce(options.keepsUp()), announceEveryMs).unref();
    this.#announce(true);
  }

  /** Passes a leased message on to the consumer that it prefers, if that is another one, present, and keeping up. */
  pass(message: Msg): boolean {
    const preferred = message.headers?.get(prefersHeader);
    if (!preferred || preferred === this.#ownName) return false;
    const heardAt = this.#present.get(preferred);
    if (heardAt === undefined) return false;
    if (performance.now() - heardAt > presentForMs) {
      this.#present.delete(preferred);
      return false;
    }
    const headers = createHeaders();
    for (const [name, [value]] of message.headers ?? []) if (value !== undefined) headers.set(name, value);
    headers.set(ackSubjectHeader, message.reply ?? '');
    headers.set(subjectHeader, message.subject);
    const subject = this.#names.handOverSubject(this.#options.queue, decodeURIComponent(preferred));
    this.#connection.nc.publish(subject, message.data, { headers });
    return true;
  }

  /** From here on nothing more is handed over, but for what is on its way. */
  async leave(): Promise<void> {
    this.abandon();
    if (!this.#connection.connected) return;
    this.#announce(false);
    await Promise.all(this.#subs.map((sub) => sub.drain()));
  }

  /** As if the process had ended. */
  abandon(): void {
    clearInterval(this.#announcing);
  }

  #announce(keepsUp: boolean): void {
    if (!this.#connection.connected) return;
    this.#connection.nc.publish(
      this.#names.presenceSubject(this.#options.queue),
      `${keepsUp ? '+' : '-'}${this.#ownName}`,
    );
  }

  #heard(text: string): void {
    const name = text.slice(1);
    if (name === this.#ownName) return;
    if (!text.startsWith('+')) {
      this.#present.delete(name);
      return;
    }
    const isNew = !this.#present.has(name);
    this.#present.set(name, performance.now());
    // Whoever begins learns at once who is there.
    if (isNew) this.#announce(this.#options.keepsUp());
  }

  #receive(message: Msg): void {
    const { headers, data } = message;
    const [reply, subject] = [headers?.get(ackSubjectHeader), headers?.get(subjectHeader)];
    if (reply && subject) this.#options.received({ subject, reply, headers, data });
  }
}
