/**
 * The bus carries commands and work between services: durable messages that one consumer leases, and settles only
 * after the effect is durable (P4). It also carries signals (best-effort hints to all), offers (best-effort work for one),
 * requests that somebody waits for, and leases (leaders and limits).
 *
 * A message stays on the bus, counted by {@link Bus.outstanding}, from the moment its publish resolves until its
 * acknowledgement resolves. The number of messages under a key is therefore exactly the outstanding work of that key,
 * leased messages included: the broker is the ledger (docs/architecture.md).
 *
 * Publishes, acknowledgements and signals coalesce: at most one request per lane is in flight, and everything that
 * arrives meanwhile travels in the next one. There are no timers, so an idle bus answers at once.
 */

/** A queue's name is a dotted path of lower-case words. Messages of one queue are settled independently of others. */
export type QueueName = 'cmd.run.cancel' | 'work.generate' | 'work.page' | 'work.retry';

/** Queues whose messages count as outstanding work of a run; their `key` is the run's id. */
export const workQueues = ['work.generate', 'work.page', 'work.retry'] as const satisfies readonly QueueName[];

export interface OutgoingMessage {
  readonly queue: QueueName;
  /** What the message belongs to: the run for work, the flow for commands. One subject per queue and key. */
  readonly key: string;
  /** Derived, never random: publishing the same id again within `dedupeWindowMs` has no effect. */
  readonly id: string;
  /** Small (≤ 4 KB in all), printable; delivered without the body when the consumer is `headersOnly`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /**
   * Advisory: the consumer (see {@link ConsumerOptions.consumerId}) that holds this message's parsed form. The adapter
   * prefers it while it keeps up; any consumer may get the message, and must when the preferred one is gone.
   */
  readonly prefers?: string;
  /**
   * The leased work that this message carries on, published before that is acknowledged. So long as the other can be
   * delivered again, a batch that repeats this message's id is refused, also within a window in which the broker was
   * restarted. Where a broker then forgets the ids of messages that are gone, acknowledging this message settles the other
   * first, if nobody lived to do so; so all that the other still owed must be in the batch.
   */
  readonly carriesOn?: Delivery;
}

export type AtomicOutcome =
  /** every message of the batch is durable */
  | 'published'
  /** the batch repeated an id that was published before: nothing was written, the batch is already done */
  | 'already';

/** A message leased to one consumer for `leaseMs`. Settle it exactly once; a second settlement is ignored. */
export interface Delivery {
  readonly queue: QueueName;
  readonly key: string;
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Size of the body in bytes, known also when the body was not delivered. */
  readonly bodyBytes: number;
  /** 1 on first delivery; grows by one with each redelivery (lease expired, nack, consumer died). */
  readonly attempt: number;
  /** The body: as delivered, or fetched from the broker on demand for `headersOnly` consumers. */
  body(): Promise<Uint8Array>;
  /** After the effect is durable, never before (P4). Resolves when the broker no longer counts the message. */
  ack(): Promise<void>;
  /** Hands the message back; it is delivered again not before `delayMs`, with `attempt + 1`. */
  nack(delayMs: number): Promise<void>;
  /** Renews the lease for another `leaseMs` from now. Call it at `leaseMs / 3`. */
  extend(): Promise<void>;
  /** Moves the message to the dead letters with the reason and removes it from the queue; never redelivered. */
  reject(reason: string): Promise<void>;
}

export interface ConsumerOptions {
  readonly queue: QueueName;
  /** Stable name of this process (survives its restart), for affinity and diagnostics. */
  readonly consumerId: string;
  /** Most messages leased to this subscription at a time. */
  readonly maxInFlight: number;
  /** Most bytes asked of the broker in one pull (P5: bounded in bytes, never by count alone). Default 8 MB. */
  readonly maxPullBytes?: number;
  /** A lease lasts this long unless extended. Default 30 000. */
  readonly leaseMs?: number;
  /**
   * Messages that prefer this consumer go to others instead while its deliveries take longer than this on average, in
   * milliseconds: it does not keep up then. Default: never for that reason.
   */
  readonly keepsUpMs?: number;
  /** Deliver headers only; `body()` then fetches. Default false. */
  readonly headersOnly?: boolean;
}

/**
 * Called for each delivery, concurrently up to `maxInFlight`. It settles the delivery itself; a handler that throws
 * without having settled hands the message back after a second.
 */
export type DeliveryHandler = (delivery: Delivery) => Promise<void>;

export interface Subscription {
  /** Stops pulling; resolves when every delivery handed to the handler has returned. Delivers nothing afterwards. */
  drain(): Promise<void>;
}

/** Answers one request; what it throws fails the request. */
export type Responder = (payload: Uint8Array) => Promise<Uint8Array>;

export interface Outstanding {
  /** sum over the work queues */
  readonly total: number;
  readonly byQueue: Readonly<Partial<Record<QueueName, number>>>;
}

export interface QueueStatus {
  readonly queue: QueueName;
  /** messages not yet leased */
  readonly pending: number;
  /** messages leased and not settled */
  readonly leased: number;
  /** age of the oldest message not yet settled, in milliseconds; null when the queue is empty */
  readonly oldestMs: number | null;
}

export interface DeadLetter {
  readonly id: string;
  readonly queue: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly reason: string;
  /** ISO 8601 */
  readonly rejectedAt: string;
}

/** A value under compare-and-set that disappears `ttlMs` after its last write. */
export interface LeaseEntry {
  readonly value: string;
  /** Opaque; changes with every write. */
  readonly revision: string;
}

/** Small expiring values for leader election and limits, shared by all processes. */
export interface Leases {
  get(name: string): Promise<LeaseEntry | null>;
  /**
   * Writes when the entry is as expected: `expected` null means "does not exist (or has expired)", else the revision
   * read before. The entry expires `ttlMs` after this write.
   *
   * @returns the new entry, or null when someone else was first
   */
  put(name: string, value: string, expected: string | null, ttlMs: number): Promise<LeaseEntry | null>;
  /** Removes the entry if it still has this revision. */
  release(name: string, revision: string): Promise<boolean>;
}

export interface Bus {
  /** Resolves when every message is durable on disk (or was already, by id). */
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
  /**
   * All or nothing, across queues and keys, at most 1 000 messages and 6 MB each.
   * A batch that holds an id that was published before is refused whole: `'already'`.
   */
  publishAtomic(messages: readonly OutgoingMessage[]): Promise<AtomicOutcome>;
  consume(options: ConsumerOptions, handler: DeliveryHandler): Promise<Subscription>;
  /** Exact number of messages of a run that are not settled: see the file's head. */
  outstanding(runId: string): Promise<Outstanding>;
  status(): Promise<readonly QueueStatus[]>;
  /** Best-effort, at most once, to every listener of the topic in every process. Payload ≤ 64 KB of text. */
  signal(topic: string, payload: string): void;
  onSignal(topic: string, listener: (payload: string) => void): () => void;
  /**
   * Asks one of those who respond to the topic, and waits for the answer. Best-effort and at most once: nothing is stored,
   * nothing is sent again. Payload and answer ≤ 6 MB each.
   *
   * @param signal stops the wait; the responder is not told
   * @throws PlatformError `bus_no_responders`, `bus_request_timeout`, `bus_request_failed` when the responder threw,
   *   `bus_message_invalid`, `bus_unavailable`; AbortError
   */
  request(topic: string, payload: Uint8Array, timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * Takes a share of the topic's requests: each goes to one responder, of any process (embedded: of this one, which is
   * the only one). Requests are handed over as they come, so a responder bounds what it does at a time. Draining stops
   * taking requests and resolves when every answer is given.
   */
  respond(topic: string, responder: Responder): Subscription;
  /**
   * Best-effort, at most once, to one of the processes that listen to the topic; if none does it is lost. For what
   * durable state elsewhere makes certain anyway: an offer spares it the way through a queue, with its writes to disk. An
   * adapter may reach more than one process when its own does not listen. Payload ≤ 64 KB of text.
   */
  offer(topic: string, payload: string): void;
  onOffer(topic: string, listener: (payload: string) => void): () => void;
  readonly leases: Leases;
  readonly deadLetters: {
    /** oldest first */
    list(limit: number): Promise<readonly DeadLetter[]>;
    /** Publishes the letter to its queue again, then removes it. False when it is unknown. */
    replay(id: string): Promise<boolean>;
  };
  /** Whether the broker can be reached now; for readiness. */
  isReady(): Promise<boolean>;
  /** Drains every subscription, flushes, closes. */
  close(): Promise<void>;
}

/** Messages published again under the same id within this window have no effect. */
export const dedupeWindowMs = 10 * 60_000;
