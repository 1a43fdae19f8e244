import type { Bus, Delivery, OutgoingMessage } from '#bus';
import { signals } from '#contracts';

/**
 * Work that was offered rather than leased: no queue holds it, so there is nothing to acknowledge. Handing it back, for
 * whatever reason, puts it on its queue. While it is under way the scheduler is told so, or it would publish it; when this
 * process dies, it does (docs/architecture.md).
 */
export class OfferedWork implements Delivery {
  readonly attempt = 1;
  readonly #message: OutgoingMessage;
  readonly #bus: Pick<Bus, 'publish' | 'signal'>;

  constructor(message: OutgoingMessage, bus: Pick<Bus, 'publish' | 'signal'>) {
    this.#message = message;
    this.#bus = bus;
  }

  get queue() {
    return this.#message.queue;
  }
  get key() {
    return this.#message.key;
  }
  get id() {
    return this.#message.id;
  }
  get headers() {
    return this.#message.headers ?? {};
  }
  get bodyBytes() {
    return this.#message.body.byteLength;
  }

  async body(): Promise<Uint8Array> {
    return this.#message.body;
  }

  async ack(): Promise<void> {
    // What replaced it is durable by now; of itself nothing is stored.
  }

  nack(): Promise<void> {
    return this.#bus.publish([this.#message]);
  }

  async extend(): Promise<void> {
    this.#bus.signal(signals.workHeld, this.#message.key);
  }

  /** Whoever leases it from the queue will find the same, and can move it to the dead letters. */
  reject(): Promise<void> {
    return this.#bus.publish([this.#message]);
  }
}
