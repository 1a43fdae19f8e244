import type { Delivery } from './bus.js';

/** Makes the first settlement count: later ones resolve with it. A settlement that failed may be tried again. */
export class SettledOnce implements Delivery {
  readonly inner: Delivery;
  #settlement: Promise<void> | null = null;
  #body: Promise<Uint8Array> | null = null;

  constructor(inner: Delivery) {
    this.inner = inner;
  }

  get queue() {
    return this.inner.queue;
  }
  get key() {
    return this.inner.key;
  }
  get id() {
    return this.inner.id;
  }
  get headers() {
    return this.inner.headers;
  }
  get bodyBytes() {
    return this.inner.bodyBytes;
  }
  get attempt() {
    return this.inner.attempt;
  }

  body(): Promise<Uint8Array> {
    this.#body ??= this.inner.body().catch((error: unknown) => {
      this.#body = null;
      throw error;
    });
    return this.#body;
  }

  ack(): Promise<void> {
    return this.#settle(() => this.inner.ack());
  }

  nack(delayMs: number): Promise<void> {
    return this.#settle(() => this.inner.nack(delayMs));
  }

  reject(reason: string): Promise<void> {
    return this.#settle(() => this.inner.reject(reason));
  }

  async extend(): Promise<void> {
    if (this.#settlement === null) await this.inner.extend();
  }

  #settle(how: () => Promise<void>): Promise<void> {
    this.#settlement ??= how().catch((error: unknown) => {
      this.#settlement = null;
      throw error;
    });
    return this.#settlement;
  }
}
