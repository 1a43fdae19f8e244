import type { Bus, Subscription } from '#bus';
import type { Clock } from '#connectors';
import {
  ContractError,
  decodeTryOutHeader,
  encodeTryOutReply,
  signals,
  tryOutTopic,
  type TryOutHeader,
  type TryOutReply,
} from '#contracts';
import { count, startSpan, type Logger } from '#telemetry';
import type { Dispatcher } from '../workers/dispatcher.js';

export interface TryOutParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly dispatcher: Pick<Dispatcher, 'tryOut' | 'cancelTryOut'>;
  readonly logger: Logger;
}

/** Try-outs of one account at a time: its people may wait for one another, nobody else's do (P5). */
const maxPerAccount = 4;
const maxAtATime = 16;
/** Requests of try-outs under way, in bytes. */
const maxBytes = 32 * 1024 * 1024;
/** Try-outs that are found out to take too long are told so while the asker still listens. */
const answerMarginMs = 500;

/**
 * Where an executor tries things out for people who wait: previews, invocations, test runs. Bounded per account, in number
 * and in bytes; what does not fit is refused at once and asked again, of another executor perhaps.
 */
export class TryOutRoom {
  readonly #parts: TryOutParts;
  readonly #running = new Map<string, TryOutHeader>();
  #bytes = 0;
  #subscription: Subscription | null = null;
  #unsubscribe: (() => void) | null = null;

  constructor(parts: TryOutParts) {
    this.#parts = parts;
  }

  get running(): number {
    return this.#running.size;
  }

  open(): void {
    const { bus } = this.#parts;
    this.#subscription = bus.respond(tryOutTopic, (payload) => this.#respond(payload));
    this.#unsubscribe = bus.onSignal(signals.tryOutCanceled, (id) => this.#cancel(id));
  }

  /** Takes no more; resolves when all are answered. */
  async drain(): Promise<void> {
    await this.#subscription?.drain();
    this.#unsubscribe?.();
  }

  /** Ends what is still running; its askers are told. */
  cancelAll(): void {
    for (const id of this.#running.keys()) this.#cancel(id);
  }

  async #respond(payload: Uint8Array): Promise<Uint8Array> {
    let header: TryOutHeader;
    try {
      header = decodeTryOutHeader(payload);
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      return refusal('invalid', error.message);
    }
    const leftMs = Date.parse(header.deadline) - this.#parts.clock.now() - answerMarginMs;
    if (leftMs <= 0) return refusal('timeout', 'The time was up before it began.');
    if (!this.#hasRoom(header, payload)) {
      return refusal('busy', 'As many try-outs as may run at a time are running already.');
    }
    return this.#run(header, payload, leftMs);
  }

  async #run(header: TryOutHeader, payload: Uint8Array, leftMs: number): Promise<Uint8Array> {
    const { clock, dispatcher, logger } = this.#parts;
    const span = startSpan('millrace.try_out', { role: 'consumer', traceparent: header.traceparent });
    const over = new AbortController();
    this.#running.set(header.id, header);
    this.#bytes += payload.byteLength;
    let outcome = 'answered';
    try {
      const timeIsUp = clock.sleep(leftMs, over.signal).then(
        () => true,
        () => false,
      );
      const answer = dispatcher.tryOut({ id: header.id, payload, traceparent: span.traceparent });
      const first = await Promise.race([answer, timeIsUp]);
      if (typeof first !== 'boolean') return first;
      outcome = 'timeout';
      this.#cancel(header.id);
      // Its worker lets go of it; what it says then is of no use to anybody.
      answer.catch((error: unknown) => logger.warn({ error }, 'A try-out failed after its time was up'));
      return refusal('timeout', 'It took longer than it may.');
    } catch (error) {
      outcome = 'failed';
      span.fail(error instanceof Error ? error.message : String(error));
      logger.error({ error, accountId: header.accountId }, 'A try-out failed');
      return refusal('failed', 'The executor failed at it.');
    } finally {
      over.abort();
      this.#running.delete(header.id);
      this.#bytes -= payload.byteLength;
      count('millrace.try_outs', 1, { outcome });
      span.end();
    }
  }

  #hasRoom({ accountId }: TryOutHeader, payload: Uint8Array): boolean {
    if (this.#running.size >= maxAtATime || this.#bytes + payload.byteLength > maxBytes) return false;
    let own = 0;
    for (const other of this.#running.values()) if (other.accountId === accountId) own += 1;
    return own < maxPerAccount;
  }

  #cancel(id: string): void {
    if (!this.#running.has(id)) return;
    this.#parts.dispatcher
      .cancelTryOut(id)
      .catch((error: unknown) => this.#parts.logger.warn({ error }, 'A try-out could not be canceled'));
  }
}

function refusal(why: Extract<TryOutReply, { kind: 'refused' }>['why'], message: string): Uint8Array {
  return encodeTryOutReply({ v: 1, kind: 'refused', why, reasons: [{ code: why, message }] });
}
