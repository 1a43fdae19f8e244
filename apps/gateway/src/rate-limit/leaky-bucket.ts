import type { ApiRate } from '../deps.js';

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A full bucket is the same as none, so full ones are swept now and then. */
const sweepAbove = 10_000;

/**
 * One bucket per account: `capacity` requests at once, refilled evenly. Reference: resources §1.4.
 */
export class LeakyBuckets {
  readonly #rate: ApiRate;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: ApiRate) {
    this.#rate = rate;
  }

  get capacity(): number {
    return this.#rate.capacity;
  }

  /** Takes one request. @returns 0 when it may pass, else the whole seconds after which another try may. */
  take(accountId: string, nowMs: number): number {
    const { refillPerSecond } = this.#rate;
    const bucket = this.#bucketOf(accountId, nowMs);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 0;
    }
    return refillPerSecond === 0 ? 3600 : Math.max(1, Math.ceil((1 - bucket.tokens) / refillPerSecond));
  }

  /** Requests that another gateway let through already; the bucket may owe some after that. */
  spend(accountId: string, requests: number, nowMs: number): void {
    this.#bucketOf(accountId, nowMs).tokens -= requests;
  }

  #bucketOf(accountId: string, nowMs: number): Bucket {
    let bucket = this.#buckets.get(accountId);
    if (!bucket) {
      if (this.#buckets.size >= sweepAbove) this.#sweep(nowMs);
      bucket = { tokens: this.#rate.capacity, atMs: nowMs };
      this.#buckets.set(accountId, bucket);
    }
    this.#refill(bucket, nowMs);
    return bucket;
  }

  #refill(bucket: Bucket, nowMs: number): void {
    // A clock that was set back refills nothing.
    const elapsedMs = Math.max(0, nowMs - bucket.atMs);
    bucket.tokens = Math.min(this.#rate.capacity, bucket.tokens + (elapsedMs / 1000) * this.#rate.refillPerSecond);
    bucket.atMs = nowMs;
  }

  #sweep(nowMs: number): void {
    for (const [accountId, bucket] of this.#buckets) {
      this.#refill(bucket, nowMs);
      if (bucket.tokens >= this.#rate.capacity) this.#buckets.delete(accountId);
    }
  }
}
