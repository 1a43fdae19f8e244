import { createInbox } from '@nats-io/transport-node';
import type { Msg, Subscription as NatsSub } from '@nats-io/transport-node';
import type { ConsumerOptions, DeliveryHandler, Subscription } from '../bus.js';
import type { ReportError } from '../delivery-runner.js';
import { DeliveryRunner } from '../delivery-runner.js';
import { toNanos } from './connection.js';
import type { LeasedMessage } from './hand-over.js';
import { HandOver } from './hand-over.js';
import type { DeliveryContext } from './nats-delivery.js';
import { NatsDelivery, parseAckSubject } from './nats-delivery.js';
import { ensureConsumer } from './topology.js';

const defaultMaxPullBytes = 8 * 1024 * 1024;
/** A pull waits this long for messages, then is made again. */
const pullExpiresMs = 30_000;
const heartbeatMs = 5_000;
/** A pull that was silent for two heartbeats and a bit is lost. */
const silentMs = heartbeatMs * 2.5;
/** Two: one pull may wait for a message for the last free place while the other fetches. */
const maxPulls = 2;
const troubleDelayMs = 250;

interface Pull {
  readonly id: string;
  remaining: number;
  received: number;
  heardAt: number;
}

/**
 * At most one pull at a time. Messages arrive under their own subject, so that only the subscription they arrive on
 * tells which pull they answer; statuses arrive under the pull's reply subject.
 */
interface Slot {
  readonly inbox: string;
  readonly sub: NatsSub;
  pull: Pull | null;
}

/**
 * Pulls messages as slots become free. Each pull names a count and a number of bytes, so that neither many small nor a
 * few big messages overrun the process, and the server never pushes.
 */
export class NatsSubscription implements Subscription {
  readonly #context: DeliveryContext;
  readonly #options: ConsumerOptions;
  readonly #reportError: ReportError;
  readonly #runner: DeliveryRunner;
  #slots: Slot[] = [];
  readonly #stopListening: () => void;
  #pullCount = 0;
  #scheduled = false;
  #draining = false;
  #troubled: NodeJS.Timeout | null = null;
  /** The next message is larger than the byte limit: it is then asked for alone, without the limit. */
  #oversized = false;
  readonly #watchdog: NodeJS.Timeout;
  readonly #handOver: HandOver;
  #drained: Promise<void> | null = null;
  /** Messages that arrived while draining, being handed back. */
  readonly #returning = new Set<Promise<void>>();

  constructor(context: DeliveryContext, options: ConsumerOptions, handler: DeliveryHandler, reportError: ReportError) {
    this.#context = context;
    this.#options = options;
    this.#reportError = reportError;
    this.#runner = new DeliveryRunner(handler, reportError, () => this.#schedulePull());
    this.#stopListening = context.connection.onReconnected(() => this.#renewSlots());
    this.#handOver = new HandOver(
      context.connection,
      context.names,
      {
        queue: options.queue,
        consumerId: options.consumerId,
        keepsUp: () => this.#keepsUp,
        received: (message) => this.#start(message),
      },
      reportError,
    );
    this.#watchdog = setInterval(() => this.#dropSilentPulls(), heartbeatMs).unref();
    this.#renewSlots();
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  /** Stops without waiting and without settling anything: leases run out by themselves. */
  abandon(): void {
    this.#draining = true;
    clearInterval(this.#watchdog);
    this.#handOver.abandon();
    if (this.#troubled !== null) clearTimeout(this.#troubled);
    this.#stopListening();
  }

  async #drain(): Promise<void> {
    this.abandon();
    await this.#handOver.leave();
    // The server forgets pulls whose inbox is gone. What it sent before is handed back, not handled.
    if (this.#context.connection.connected) await Promise.all(this.#slots.map((slot) => slot.sub.drain()));
    await Promise.all(this.#returning);
    await this.#runner.idle();
  }

  /** Pulls made on an earlier connection may still be known to the server; with new inboxes they reach nobody. */
  #renewSlots(): void {
    for (const slot of this.#slots) slot.sub.unsubscribe();
    this.#slots = [];
    if (this.#draining) return;
    this.#slots = Array.from({ length: maxPulls }, () => this.#openSlot());
    this.#schedulePull();
  }

  #openSlot(): Slot {
    const inbox = createInbox();
    const sub = this.#context.connection.nc.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error) this.#reportError(error, `The subscription to ${this.#options.queue} failed`);
        else this.#receive(slot, message);
      },
    });
    const slot: Slot = { inbox, sub, pull: null };
    return slot;
  }

  #receive(slot: Slot, message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (code !== 0) {
      const id = message.subject.slice(slot.inbox.length + 1);
      if (slot.pull?.id === id) this.#receiveStatus(slot, slot.pull, code, message.headers?.description ?? '');
      return;
    }
    const pull = slot.pull;
    if (pull !== null) {
      pull.heardAt = performance.now();
      pull.received += 1;
      pull.remaining -= 1;
      if (pull.remaining <= 0) slot.pull = null;
    }
    this.#oversized = false;
    if (!this.#draining && isFirstDelivery(message) && this.#handOver.pass(message)) {
      this.#schedulePull();
      return;
    }
    const { subject, reply = '', headers, data } = message;
    this.#start({ subject, reply, headers, data });
  }

  #start(message: LeasedMessage): void {
    const delivery = new NatsDelivery(message, this.#context);
    if (this.#draining) this.#handBack(delivery);
    else this.#runner.start(delivery);
  }

  /** Messages that prefer this consumer wait less here than it costs another one to fetch what this one holds. */
  get #keepsUp(): boolean {
    const { maxInFlight, keepsUpMs = Infinity } = this.#options;
    return this.#runner.inFlight <= maxInFlight / 2 && this.#runner.meanMs <= keepsUpMs;
  }

  #receiveStatus(slot: Slot, pull: Pull, code: number, description: string): void {
    if (code === 100) {
      pull.heardAt = performance.now();
      return;
    }
    slot.pull = null;
    if (code === 409 && /exceeds maxbytes/i.test(description)) {
      if (pull.received === 0) this.#oversized = true;
    } else if (code !== 404 && code !== 408 && !/batch completed/i.test(description)) {
      // No leader now, consumer deleted, server shutting down: look after the consumer, then go on.
      this.#recover();
      return;
    }
    this.#schedulePull();
  }

  #recover(): void {
    if (this.#troubled !== null || this.#draining) return;
    this.#troubled = setTimeout(() => {
      const { jsm, names, queue, leaseMs } = this.#context;
      void ensureConsumer(jsm, names, queue, { leaseMs, headersOnly: this.#options.headersOnly ?? false })
        .catch((error: unknown) => this.#reportError(error, `The consumer of ${queue} could not be checked`))
        .finally(() => {
          this.#troubled = null;
          this.#schedulePull();
        });
    }, troubleDelayMs);
  }

  #schedulePull(): void {
    if (this.#scheduled || this.#draining) return;
    this.#scheduled = true;
    // Slots that become free in the same turn share one pull.
    setImmediate(() => {
      this.#scheduled = false;
      this.#pull();
    });
  }

  #pull(): void {
    if (this.#draining || this.#troubled !== null || !this.#context.connection.connected) return;
    const slot = this.#slots.find((each) => each.pull === null);
    if (slot === undefined) return;
    let free = this.#options.maxInFlight - this.#runner.inFlight;
    for (const { pull } of this.#slots) free -= pull?.remaining ?? 0;
    if (free <= 0) return;
    const { names, queue, connection } = this.#context;
    const batch = this.#oversized ? 1 : free;
    const id = String((this.#pullCount += 1));
    slot.pull = { id, remaining: batch, received: 0, heardAt: performance.now() };
    const request = {
      batch,
      expires: toNanos(pullExpiresMs),
      idle_heartbeat: toNanos(heartbeatMs),
      ...(this.#oversized ? {} : { max_bytes: this.#options.maxPullBytes ?? defaultMaxPullBytes }),
    };
    connection.nc.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${names.streamOf(queue)}.${names.consumerOf(queue)}`,
      JSON.stringify(request),
      { reply: `${slot.inbox}.${id}` },
    );
  }

  #dropSilentPulls(): void {
    const now = performance.now();
    if (this.#slots.some(({ pull }) => pull !== null && now - pull.heardAt > silentMs)) {
      // Should the server still know the pull, its messages must not come on top of the next one's.
      this.#renewSlots();
    } else this.#schedulePull();
  }

  #handBack(delivery: NatsDelivery): void {
    const returned = delivery
      .nack(0)
      .catch((error: unknown) => this.#reportError(error, `A message of ${delivery.queue} could not be handed back`))
      .finally(() => this.#returning.delete(returned));
    this.#returning.add(returned);
  }
}

/** Who let a lease run out, or handed a message back, does not get it again on the ground that it is preferred. */
function isFirstDelivery({ reply = '' }: Msg): boolean {
  return parseAckSubject(reply).deliveries === 1;
}
