import type { ReportError } from './delivery-runner.js';

export type SignalListener = (payload: string) => void;

/** Listeners of this process, by topic. A listener that throws harms no other one. */
export class SignalHub {
  readonly #listeners = new Map<string, Set<SignalListener>>();
  readonly #reportError: ReportError;

  constructor(reportError: ReportError) {
    this.#reportError = reportError;
  }

  add(topic: string, listener: SignalListener): () => void {
    const wrapped: SignalListener = (payload) => listener(payload);
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(wrapped));
    return () => {
      listeners.delete(wrapped);
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
    };
  }

  has(topic: string): boolean {
    return this.#listeners.has(topic);
  }

  emit(topic: string, payload: string): void {
    // A copy: what a listener adds now is for the next signal.
    const listeners = Array.from(this.#listeners.get(topic) ?? []);
    for (const listener of listeners) {
      try {
        listener(payload);
      } catch (error) {
        this.#reportError(error, `A listener of the signal ${topic} threw`);
      }
    }
  }
}
