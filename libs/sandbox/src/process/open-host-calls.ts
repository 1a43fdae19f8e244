import type { HostCallHead } from '../protocol.js';

interface Waiting {
  readonly sequence: number;
  answer(outcome: string): void;
}

/** Host calls that wait for the worker: one per call at most, because scripts wait for them. */
export class OpenHostCalls {
  readonly #waiting = new Map<number, Waiting>();
  #sequence = 0;

  constructor(private readonly send: (head: HostCallHead, values: string) => void) {}

  ask(callId: number, name: string, values: string): Promise<string> {
    this.#sequence += 1;
    const sequence = this.#sequence;
    return new Promise((resolve) => {
      // One that waits still belongs to a function that ran out of time.
      this.#waiting.set(callId, { sequence, answer: resolve });
      this.send({ id: callId, kind: 'host-call', sequence, name }, values);
    });
  }

  answered(callId: number, sequence: number, outcome: string): void {
    const waiting = this.#waiting.get(callId);
    if (waiting?.sequence !== sequence) return;
    this.#waiting.delete(callId);
    waiting.answer(outcome);
  }

  /** The call is over. */
  forget(callId: number): void {
    this.#waiting.delete(callId);
  }
}
