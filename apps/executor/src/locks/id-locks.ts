import type { Bus } from '#bus';
import type { Clock } from '#connectors';
import type { Notice, WorkerPool } from '../workers/protocol.js';
import { KeyQueue, type KeyClaim } from './key-queue.js';

type LockNotice = Extract<Notice, { readonly kind: 'lock-request' | 'lock-release' }>;

interface Parts {
  readonly bus: Pick<Bus, 'leases'>;
  readonly clock: Clock;
  readonly instance: string;
  readonly pool: WorkerPool;
  readonly reportError: (error: unknown, doing: string) => void;
}

/** An executor that dies gives its turn away after this long. */
const leaseTtlMs = 15_000;
const renewMs = 5_000;
/** Nothing is granted this close to the end of a lease that could not be renewed. */
const marginMs = 5_000;
/** Longest turn; then others that wait get theirs. */
const turnMs = 2_000;
const pollMs = 50;

interface Claim extends KeyClaim {
  readonly worker: number;
}

interface Step {
  readonly queue: KeyQueue;
  readonly claims: Map<string, Claim>;
  isServed: boolean;
  wake: (() => void) | null;
}

/**
 * `idLockTemplate` over the whole cluster: executors take turns at a step, each turn a lease; within a turn, keys are locked
 * in memory. A lease for each key would cost several writes to the broker per record, and a turn costs two for a thousand
 * records; what it costs instead is that one executor at a time sends for such a step. Reference: runtime §9.3.
 *
 * An executor that cannot reach the broker any more grants nothing new well before its lease is over; a request that takes
 * longer than that may meet another one, as nothing can call it back.
 */
export class IdLocks {
  readonly #parts: Parts;
  readonly #steps = new Map<string, Step>();
  #isClosed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.pool.onLost((worker) => this.#lost(worker));
  }

  handle(worker: number, notice: LockNotice): void {
    const id = `${worker}/${notice.requestId}`;
    if (notice.kind === 'lock-release') {
      const known = this.#steps.get(notice.stepId);
      if (known !== undefined) this.#remove(known, id);
      return;
    }
    const step = this.#step(notice.stepId);
    const granted = (): void => this.#tell(worker, notice.requestId);
    const claim = { worker, keys: notice.keys, granted };
    step.claims.set(id, claim);
    step.queue.add(claim);
    step.wake?.();
    if (!step.isServed) void this.#serve(notice.stepId, step);
  }

  /** No new turn is begun; turns end with what they granted. */
  close(): void {
    this.#isClosed = true;
    for (const step of this.#steps.values()) step.wake?.();
  }

  #step(stepId: string): Step {
    let step = this.#steps.get(stepId);
    if (step === undefined) {
      step = { queue: new KeyQueue(), claims: new Map(), isServed: false, wake: null };
      this.#steps.set(stepId, step);
    }
    return step;
  }

  #remove(step: Step, id: string): void {
    const claim = step.claims.get(id);
    if (claim === undefined) return;
    step.claims.delete(id);
    step.queue.remove(claim);
    step.wake?.();
  }

  /** A worker that died sends nothing any more. */
  #lost(worker: number): void {
    for (const step of this.#steps.values()) {
      for (const [id, claim] of step.claims) if (claim.worker === worker) this.#remove(step, id);
    }
  }

  #tell(worker: number, requestId: number): void {
    const { pool, reportError } = this.#parts;
    pool
      .worker(worker)
      .control({ kind: 'lock-granted', requestId })
      .catch((error: unknown) => reportError(error, 'telling a worker of its locks'));
  }

  /** One turn after the other, while anybody waits. */
  async #serve(stepId: string, step: Step): Promise<void> {
    const { clock, reportError } = this.#parts;
    step.isServed = true;
    while (step.claims.size > 0 && !this.#isClosed) {
      try {
        await this.#turn(`id-lock.${stepId}`, step);
      } catch (error) {
        reportError(error, 'taking a turn at an id lock');
      }
      // Also after a turn of its own: others poll for theirs.
      if (step.claims.size > 0) await clock.sleep(pollMs);
    }
    step.isServed = false;
    if (step.claims.size === 0) this.#steps.delete(stepId);
  }

  async #turn(name: string, step: Step): Promise<void> {
    const { bus, clock, instance } = this.#parts;
    const { queue } = step;
    let askedMs = clock.now();
    const taken = await bus.leases.put(name, instance, null, leaseTtlMs);
    if (taken === null) return;
    let { revision } = taken;
    const endMs = askedMs + turnMs;
    for (;;) {
      const now = clock.now();
      const isOpen = !this.#isClosed && now < endMs && now < askedMs + leaseTtlMs - marginMs;
      if (isOpen) queue.grant();
      if (queue.granted === 0 && (!isOpen || queue.waiting === 0)) break;
      if (now >= askedMs + renewMs) {
        // The workers are gone by now, or about to: the lease outlives them.
        if (this.#isClosed) return;
        const renewed = await bus.leases.put(name, instance, revision, leaseTtlMs);
        // The lease is somebody else's already when it cannot be renewed: what was granted ends, nothing new begins.
        if (renewed === null) return this.#drained(step);
        revision = renewed.revision;
        askedMs = now;
        continue;
      }
      await this.#changed(step, isOpen ? Math.min(endMs, askedMs + renewMs) - now : askedMs + renewMs - now);
    }
    await bus.leases.release(name, revision);
  }

  async #drained(step: Step): Promise<void> {
    while (step.queue.granted > 0 && !this.#isClosed) await this.#changed(step, renewMs);
  }

  /** Waits until a claim came or went, at most so long. */
  async #changed(step: Step, ms: number): Promise<void> {
    const over = new AbortController();
    const changed = new Promise<void>((resolve) => (step.wake = resolve));
    await Promise.race([changed, this.#parts.clock.sleep(ms, over.signal).catch(() => undefined)]);
    step.wake = null;
    over.abort();
  }
}
