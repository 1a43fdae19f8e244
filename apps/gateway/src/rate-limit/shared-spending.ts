import type { Bus } from '#bus';
import { signals } from '#contracts';
import type { LeakyBuckets } from './leaky-bucket.js';

/** What was spent is told after this long at the latest, in milliseconds, */
const tellAfterMs = 250;
/** or when an account has spent this part of what it may at once. */
const tellAtShare = 1 / 10;
/** A signal carries at most 64 KB; an account with its number takes 40 bytes at most. */
const accountsPerSignal = 1_500;

/**
 * Makes the buckets of all gateways one: each tells the others what it let through, and they take as much out of theirs.
 * No request waits for that. So an account that uses several gateways at once may be ahead by a tenth of its capacity per
 * other gateway, or by a quarter of a second; what it was ahead is then missing from its buckets, and over time it gets
 * what its rate says and no more. Nobody has to know how many gateways there are.
 */
export class SharedSpending {
  readonly #bus: Pick<Bus, 'signal' | 'onSignal'>;
  readonly #buckets: LeakyBuckets;
  readonly #gatewayId: string;
  readonly #now: () => number;
  readonly #tellAt: number;
  readonly #stopListening: () => void;
  /** requests by account since they were last told */
  readonly #untold = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  /** @param gatewayId unique among gateways, without blanks */
  constructor(bus: Pick<Bus, 'signal' | 'onSignal'>, buckets: LeakyBuckets, gatewayId: string, now: () => number) {
    this.#bus = bus;
    this.#buckets = buckets;
    this.#gatewayId = gatewayId;
    this.#now = now;
    this.#tellAt = Math.max(1, buckets.capacity * tellAtShare);
    this.#stopListening = bus.onSignal(signals.requestsSpent, (payload) => this.#heard(payload));
  }

  /** Takes one request here and everywhere. @returns as {@link LeakyBuckets.take} */
  take(accountId: string, nowMs: number): number {
    const waitSeconds = this.#buckets.take(accountId, nowMs);
    if (waitSeconds > 0) return waitSeconds;
    const spent = (this.#untold.get(accountId) ?? 0) + 1;
    this.#untold.set(accountId, spent);
    if (spent >= this.#tellAt) this.#tell();
    else this.#timer ??= setTimeout(() => this.#tell(), tellAfterMs).unref();
    return 0;
  }

  close(): void {
    this.#tell();
    this.#stopListening();
  }

  #tell(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const spent = Array.from(this.#untold, ([accountId, requests]) => `${accountId}:${requests}`);
    this.#untold.clear();
    for (let i = 0; i < spent.length; i += accountsPerSignal) {
      const part = spent.slice(i, i + accountsPerSignal);
      this.#bus.signal(signals.requestsSpent, [this.#gatewayId, ...part].join(' '));
    }
  }

  #heard(payload: string): void {
    const [gatewayId, ...spent] = payload.split(' ');
    if (gatewayId === this.#gatewayId) return;
    const nowMs = this.#now();
    for (const entry of spent) {
      const [accountId, requests] = entry.split(':');
      if (accountId && Number(requests) > 0) this.#buckets.spend(accountId, Number(requests), nowMs);
    }
  }
}
