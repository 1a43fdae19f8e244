import type { ConsumerOptions, DeliveryHandler, Subscription } from '../bus.js';
import type { ReportError } from '../delivery-runner.js';
import { DeliveryRunner } from '../delivery-runner.js';
import type { DeliveryContext, LeasedRow } from './embedded-delivery.js';
import { EmbeddedDelivery } from './embedded-delivery.js';

const defaultMaxPullBytes = 8 * 1024 * 1024;
/** An idle consumer looks this often although nobody woke it: for messages of a process whose notice was lost. */
const pollMs = 1_000;
/** Rows one lease statement takes at most, so that it stays short. */
const maxLeaseRows = 500;

/** Leases messages as slots become free, one statement at a time; sleeps until woken or until something is due. */
export class EmbeddedSubscription implements Subscription {
  readonly #context: DeliveryContext;
  readonly #options: ConsumerOptions;
  readonly #reportError: ReportError;
  readonly #runner: DeliveryRunner;
  readonly #maxPullBytes: number;
  readonly #leaseStatement: string;
  readonly #nextDueStatement: string;
  #wake: (() => void) | null = null;
  #awake = false;
  #draining = false;
  #abandoned = false;
  readonly #running: Promise<void>;
  #drained: Promise<void> | null = null;

  constructor(context: DeliveryContext, options: ConsumerOptions, handler: DeliveryHandler, reportError: ReportError) {
    this.#context = context;
    this.#options = options;
    this.#reportError = reportError;
    this.#runner = new DeliveryRunner(handler, reportError, () => this.wake());
    this.#maxPullBytes =
      options.headersOnly === true ? Number.MAX_SAFE_INTEGER : (options.maxPullBytes ?? defaultMaxPullBytes);
    const { schema } = context;
    // Rows that another consumer is leasing at this moment are skipped. The first message may exceed the byte limit.
    this.#leaseStatement = `
      with candidate as materialized (
        select seq, due_at, body_bytes from ${schema}.message
        where queue = $1 and due_at <= now()
        order by due_at, seq limit $2
        for update skip locked
      ), chosen as (
        select seq from (
          select seq, row_number() over w as n, sum(body_bytes) over w as bytes
          from candidate window w as (order by due_at, seq)
        ) s where n = 1 or bytes <= $3
      )
      update ${schema}.message m
      set attempt = m.attempt + 1, due_at = now() + $4::float8 * interval '1 millisecond'
      from chosen c where m.seq = c.seq
      returning m.seq, m.key, m.id, m.headers, m.body_bytes, m.attempt,
        ${options.headersOnly === true ? 'null::bytea' : 'm.body'} as body`;
    this.#nextDueStatement = `
      select (extract(epoch from min(due_at) - now()) * 1000)::float8 as ms from ${schema}.message where queue = $1`;
    this.#running = this.#run();
  }

  /** There may be something to lease now. */
  wake(): void {
    this.#awake = true;
    this.#wake?.();
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  /** Stops without waiting and without settling anything: leases run out by themselves. */
  abandon(): void {
    this.#draining = true;
    this.#abandoned = true;
    this.wake();
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    this.wake();
    await this.#running;
    await this.#runner.idle();
  }

  async #run(): Promise<void> {
    while (!this.#draining) {
      const free = this.#options.maxInFlight - this.#runner.inFlight;
      this.#awake = false;
      try {
        if (free > 0 && (await this.#lease(Math.min(free, maxLeaseRows)))) continue;
        await this.#sleep(free > 0 ? await this.#untilNextDue() : pollMs);
      } catch (error) {
        if (this.#abandoned) return;
        this.#reportError(error, `Messages of ${this.#context.queue} could not be leased`);
        await this.#sleep(pollMs);
      }
    }
  }

  /** @returns whether there may be more */
  async #lease(count: number): Promise<boolean> {
    const { database, queue, leaseMs } = this.#context;
    const rows = await database.rows<LeasedRow>(
      `lease-${this.#options.headersOnly === true ? 'headers' : 'bodies'}`,
      this.#leaseStatement,
      [queue, count, this.#maxPullBytes, leaseMs],
    );
    for (const row of rows) {
      const delivery = new EmbeddedDelivery(row, this.#context);
      if (!this.#draining) this.#runner.start(delivery);
      else if (!this.#abandoned) await delivery.nack(0);
    }
    return rows.length > 0;
  }

  async #untilNextDue(): Promise<number> {
    const [row] = await this.#context.database.rows<{ ms: number | null }>('next-due', this.#nextDueStatement, [
      this.#context.queue,
    ]);
    return Math.min(pollMs, Math.max(1, row?.ms ?? pollMs));
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#awake || this.#draining) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}
