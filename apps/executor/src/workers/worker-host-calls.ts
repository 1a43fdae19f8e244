import { HostCallError, type Host } from '#sandbox';
import type { HostCallAnswer, HostCallScope, Notice } from './protocol.js';

/** Hands on what scripts ask of the platform to the main thread, which has the store and the other workers. */
export class WorkerHostCalls {
  readonly #notify: (notice: Notice) => void;
  readonly #open = new Map<number, (answer: HostCallAnswer) => void>();
  #nextId = 1;

  constructor(notify: (notice: Notice) => void) {
    this.#notify = notify;
  }

  /** The host of functions that run for an account. */
  forScope(scope: HostCallScope): Host {
    return async ({ name, values }, signal) => {
      signal.throwIfAborted();
      const requestId = this.#nextId++;
      const { promise, resolve, reject } = Promise.withResolvers<HostCallAnswer>();
      const over = (): void => {
        this.#notify({ kind: 'host-call-over', requestId });
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', over, { once: true });
      this.#open.set(requestId, resolve);
      try {
        this.#notify({ kind: 'host-call', requestId, scope, name, values });
        const answer = await promise;
        if ('code' in answer) throw new HostCallError(answer.code, answer.message);
        return answer.json;
      } finally {
        signal.removeEventListener('abort', over);
        this.#open.delete(requestId);
      }
    };
  }

  answered(requestId: number, answer: HostCallAnswer): void {
    this.#open.get(requestId)?.(answer);
  }
}
