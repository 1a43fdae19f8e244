import type { Delivery, DeliveryHandler } from './bus.js';
import { SettledOnce } from './settled-once.js';

/** Told about failures that no caller can see: the message itself is safe, its lease expires. */
export type ReportError = (error: unknown, while_: string) => void;

export const reportAsWarning: ReportError = (error, while_) => {
  process.emitWarning(`${while_}: ${error instanceof Error ? error.message : String(error)}`, 'BusWarning');
};

/** Delay before a message whose handler threw is delivered again. */
const redeliverAfterThrowMs = 1_000;

/**
 * Runs the handler of one subscription: counts what is in flight, hands a message back when its handler throws, and
 * knows when the last one has returned.
 */
export class DeliveryRunner {
  readonly #handler: DeliveryHandler;
  readonly #reportError: ReportError;
  readonly #slotFreed: () => void;
  #inFlight = 0;
  #meanMs = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(handler: DeliveryHandler, reportError: ReportError, slotFreed: () => void) {
    this.#handler = handler;
    this.#reportError = reportError;
    this.#slotFreed = slotFreed;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** How long deliveries took of late, from hand-out to settlement, in milliseconds; a moving average. */
  get meanMs(): number {
    return this.#meanMs;
  }

  start(delivery: Delivery): void {
    this.#inFlight += 1;
    const startedAt = performance.now();
    void this.#run(new SettledOnce(delivery)).finally(() => {
      this.#inFlight -= 1;
      this.#meanMs += (performance.now() - startedAt - this.#meanMs) / 16;
      if (this.#inFlight === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
      this.#slotFreed();
    });
  }

  /** Resolves when no handler runs. */
  async idle(): Promise<void> {
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  async #run(delivery: SettledOnce): Promise<void> {
    try {
      await this.#handler(delivery);
    } catch (error) {
      this.#reportError(error, `A handler of ${delivery.queue} threw`);
      try {
        await delivery.nack(redeliverAfterThrowMs);
      } catch (nackError) {
        this.#reportError(nackError, `A message of ${delivery.queue} could not be handed back; its lease will expire`);
      }
    }
  }
}
