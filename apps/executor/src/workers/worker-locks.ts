import { hash } from 'node:crypto';
import type { Notice } from './protocol.js';

interface Pending {
  readonly resolve: () => void;
}

/** Locks of records by key, asked of the main thread, which takes turns with other executors. Reference: runtime §9.3. */
export class WorkerLocks {
  readonly #notify: (notice: Notice) => void;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  constructor(notify: (notice: Notice) => void) {
    this.#notify = notify;
  }

  /**
   * Waits until all keys of the step are this caller's alone.
   *
   * @returns gives them back
   * @throws AbortError when the signal aborts first
   */
  async acquire(stepId: string, keys: readonly string[], signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const requestId = this.#nextId++;
    const release = (): void => this.#notify({ kind: 'lock-release', requestId, stepId });
    // Keys are the user's data, of any length.
    const hashed = [...new Set(keys)].map((key) => hash('sha256', key, 'base64'));
    try {
      await new Promise<void>((resolve, reject) => {
        const abort = (): void => reject(signal.reason as Error);
        signal.addEventListener('abort', abort, { once: true });
        this.#pending.set(requestId, {
          resolve: () => {
            signal.removeEventListener('abort', abort);
            resolve();
          },
        });
        this.#notify({ kind: 'lock-request', requestId, stepId, keys: hashed });
      });
    } catch (error) {
      release();
      throw error;
    } finally {
      this.#pending.delete(requestId);
    }
    return release;
  }

  granted(requestId: number): void {
    this.#pending.get(requestId)?.resolve();
  }
}
