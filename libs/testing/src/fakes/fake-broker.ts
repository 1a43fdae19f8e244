import {
  dedupeWindowMs,
  workQueues,
  type AtomicOutcome,
  type Bus,
  type ConsumerOptions,
  type DeadLetter,
  type Delivery,
  type DeliveryHandler,
  type LeaseEntry,
  type Leases,
  type Outstanding,
  type OutgoingMessage,
  type QueueName,
  type QueueStatus,
  type Responder,
  type Subscription,
} from '#bus';
import { Responders } from '#bus/responders';

interface Message extends OutgoingMessage {
  readonly storedAtMs: number;
  attempt: number;
  /** who holds it; null while it waits */
  leasedBy: FakeBus | null;
}

interface Consumer {
  readonly bus: FakeBus;
  readonly options: ConsumerOptions;
  readonly handler: DeliveryHandler;
  readonly inFlight: Set<Promise<void>>;
  isDraining: boolean;
}

interface Lease extends LeaseEntry {
  readonly expiresAtMs: number;
}

/** A clock for time-outs of leases and ids. */
export interface FakeClock {
  now(): number;
}

/**
 * A broker in memory with the semantics of the bus port: messages stay and are counted until acknowledged, ids are
 * remembered for the de-duplication window, leases expire by the clock it is given. Every process under test connects for
 * itself and can die by itself.
 */
export class FakeBroker {
  readonly clock: FakeClock;
  readonly messages: Message[] = [];
  readonly letters: DeadLetter[] = [];
  /** Every signal sent, oldest first. */
  readonly signals: { readonly topic: string; readonly payload: string }[] = [];
  /** Every offer made, oldest first, whether somebody took it or not. */
  readonly offers: { readonly topic: string; readonly payload: string }[] = [];
  readonly #ids = new Map<string, number>();
  readonly #consumers = new Set<Consumer>();
  readonly #listeners = new Map<string, Set<{ readonly bus: FakeBus; readonly listener: (payload: string) => void }>>();
  readonly leases = new Map<string, Lease>();
  readonly responders = new Responders();
  #revision = 0;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  connect(): FakeBus {
    return new FakeBus(this);
  }

  /** Messages of a queue that are not settled, oldest first. */
  held(queue: QueueName): readonly OutgoingMessage[] {
    return this.messages.filter((message) => message.queue === queue);
  }

  store(messages: readonly OutgoingMessage[]): void {
    const now = this.clock.now();
    for (const message of messages) {
      if (this.remembers(message)) continue;
      this.#ids.set(`${message.queue}/${message.id}`, now);
      this.messages.push({ ...message, storedAtMs: now, attempt: 0, leasedBy: null });
    }
    this.deliver();
  }

  remembers({ queue, id }: Pick<OutgoingMessage, 'queue' | 'id'>): boolean {
    const storedAtMs = this.#ids.get(`${queue}/${id}`);
    return storedAtMs !== undefined && this.clock.now() - storedAtMs < dedupeWindowMs;
  }

  subscribe(consumer: Consumer): void {
    this.#consumers.add(consumer);
    this.deliver();
  }

  /** What a dead process held is delivered again. */
  disconnect(bus: FakeBus): void {
    for (const consumer of this.#consumers) if (consumer.bus === bus) this.#consumers.delete(consumer);
    for (const listeners of this.#listeners.values()) {
      for (const entry of listeners) if (entry.bus === bus) listeners.delete(entry);
    }
    for (const message of this.messages) if (message.leasedBy === bus) message.leasedBy = null;
    this.deliver();
  }

  deliver(): void {
    for (const message of this.messages.slice()) {
      if (message.leasedBy !== null) continue;
      for (const consumer of this.#consumers) {
        const hasRoom = !consumer.isDraining && consumer.inFlight.size < consumer.options.maxInFlight;
        if (consumer.options.queue !== message.queue || !hasRoom) continue;
        this.#lease(message, consumer);
        break;
      }
    }
  }

  remove(message: OutgoingMessage): void {
    const index = this.messages.findIndex((other) => other.id === message.id && other.queue === message.queue);
    if (index >= 0) this.messages.splice(index, 1);
  }

  listen(bus: FakeBus, topic: string, listener: (payload: string) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    const entry = { bus, listener };
    this.#listeners.set(topic, listeners.add(entry));
    return () => void listeners.delete(entry);
  }

  /** Those who listen take turns. */
  offer(topic: string, payload: string): void {
    this.offers.push({ topic, payload });
    const listeners = Array.from(this.#listeners.get(offerName(topic)) ?? []);
    const taker = listeners[this.offers.length % Math.max(1, listeners.length)];
    setImmediate(() => taker?.listener(payload));
  }

  emit(topic: string, payload: string): void {
    this.signals.push({ topic, payload });
    setImmediate(() => {
      for (const { listener } of Array.from(this.#listeners.get(topic) ?? [])) listener(payload);
    });
  }

  nextRevision(): string {
    this.#revision += 1;
    return String(this.#revision);
  }

  #lease(message: Message, consumer: Consumer): void {
    message.leasedBy = consumer.bus;
    message.attempt += 1;
    const { attempt } = message;
    const isMine = (): boolean => message.leasedBy === consumer.bus && message.attempt === attempt;
    const delivery: Delivery = {
      queue: message.queue,
      key: message.key,
      id: message.id,
      headers: message.headers ?? {},
      bodyBytes: message.body.byteLength,
      attempt,
      body: async () => message.body,
      ack: async () => {
        if (isMine()) this.remove(message);
      },
      nack: async () => {
        if (!isMine()) return;
        message.leasedBy = null;
        setImmediate(() => this.deliver());
      },
      extend: async () => undefined,
      reject: async (reason) => {
        if (!isMine()) return;
        this.remove(message);
        const { queue, key, id, headers = {}, body } = message;
        this.letters.push({
          id,
          queue,
          key,
          headers,
          body,
          reason,
          rejectedAt: new Date(this.clock.now()).toISOString(),
        });
      },
    };
    const handling = Promise.resolve()
      .then(() => consumer.handler(delivery))
      .catch(() => delivery.nack(1_000));
    consumer.inFlight.add(handling);
    void handling.finally(() => {
      consumer.inFlight.delete(handling);
      this.deliver();
    });
  }
}

/** One process's connection to a {@link FakeBroker}. */
export class FakeBus implements Bus {
  readonly #broker: FakeBroker;
  readonly #consumers: Consumer[] = [];
  readonly leases: Leases;
  readonly deadLetters: Bus['deadLetters'];
  #isDead = false;

  constructor(broker: FakeBroker) {
    this.#broker = broker;
    this.leases = {
      get: (name) => this.#alive(() => this.#lease(name)),
      put: (name, value, expected, ttlMs) => this.#alive(() => this.#put(name, value, expected, ttlMs)),
      release: (name, revision) =>
        this.#alive(() => this.#lease(name)?.revision === revision && broker.leases.delete(name)),
    };
    this.deadLetters = {
      list: (limit) => this.#alive(() => broker.letters.slice(0, limit)),
      replay: (id) => this.#alive(() => broker.letters.some((letter) => letter.id === id)),
    };
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** The process dies: nothing it does has an effect any more, and none of its calls is ever answered. */
  kill(): void {
    this.#isDead = true;
    this.#broker.disconnect(this);
  }

  publish(messages: readonly OutgoingMessage[]): Promise<void> {
    return this.#alive(() => this.#broker.store(messages));
  }

  publishAtomic(messages: readonly OutgoingMessage[]): Promise<AtomicOutcome> {
    return this.#alive(() => {
      if (messages.some((message) => this.#broker.remembers(message))) return 'already';
      this.#broker.store(messages);
      return 'published';
    });
  }

  consume(options: ConsumerOptions, handler: DeliveryHandler): Promise<Subscription> {
    return this.#alive(() => {
      const consumer: Consumer = { bus: this, options, handler, inFlight: new Set(), isDraining: false };
      this.#consumers.push(consumer);
      this.#broker.subscribe(consumer);
      return {
        drain: async () => {
          consumer.isDraining = true;
          while (consumer.inFlight.size > 0) await Promise.all(consumer.inFlight);
        },
      };
    });
  }

  outstanding(runId: string): Promise<Outstanding> {
    return this.#alive(() => {
      const byQueue: Partial<Record<QueueName, number>> = {};
      let total = 0;
      for (const { key, queue } of this.#broker.messages) {
        if (key !== runId || !(workQueues as readonly QueueName[]).includes(queue)) continue;
        byQueue[queue] = (byQueue[queue] ?? 0) + 1;
        total += 1;
      }
      return { total, byQueue };
    });
  }

  status(): Promise<readonly QueueStatus[]> {
    return this.#alive(() => []);
  }

  signal(topic: string, payload: string): void {
    if (!this.#isDead) this.#broker.emit(topic, payload);
  }

  onSignal(topic: string, listener: (payload: string) => void): () => void {
    return this.#broker.listen(this, topic, listener);
  }

  async request(topic: string, payload: Uint8Array, timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array> {
    await this.#alive(() => undefined);
    return this.#broker.responders.request(topic, payload, timeoutMs, signal);
  }

  respond(topic: string, responder: Responder): Subscription {
    return this.#broker.responders.add(topic, responder);
  }

  offer(topic: string, payload: string): void {
    if (!this.#isDead) this.#broker.offer(topic, payload);
  }

  onOffer(topic: string, listener: (payload: string) => void): () => void {
    return this.#broker.listen(this, offerName(topic), listener);
  }

  isReady(): Promise<boolean> {
    return Promise.resolve(!this.#isDead);
  }

  async close(): Promise<void> {
    for (const consumer of this.#consumers) consumer.isDraining = true;
  }

  #lease(name: string): Lease | null {
    const lease = this.#broker.leases.get(name);
    return lease && lease.expiresAtMs > this.#broker.clock.now() ? lease : null;
  }

  #put(name: string, value: string, expected: string | null, ttlMs: number): LeaseEntry | null {
    if ((this.#lease(name)?.revision ?? null) !== expected) return null;
    const revision = this.#broker.nextRevision();
    this.#broker.leases.set(name, { value, revision, expiresAtMs: this.#broker.clock.now() + ttlMs });
    return { value, revision };
  }

  /** Answers in a later turn, as a network does; never, once the process is dead. */
  #alive<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isDead) return;
      let result: T;
      try {
        result = work();
      } catch (error) {
        return reject(error);
      }
      setImmediate(() => {
        if (!this.#isDead) resolve(result);
      });
    });
  }
}

const offerName = (topic: string): string => `offer/${topic}`;
