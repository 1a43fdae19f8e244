import type { Bus, Subscription } from '#bus';
import { oneTimeCallAnswer, oneTimeCallQuestion, oneTimeCallTopic } from '#contracts';
import type { WorkerPool } from '../workers/protocol.js';
import { executorIdOf } from './executor-id.js';

export interface OneTimeCallParts {
  readonly bus: Pick<Bus, 'respond'>;
  readonly pool: Pick<WorkerPool, 'size' | 'worker'>;
  readonly instance: string;
}

/** Tells gateways whether functions of stacks, which show their one-time tokens, are still waited for. */
export class OneTimeCalls {
  #subscription: Subscription | null = null;

  constructor(private readonly parts: OneTimeCallParts) {}

  open(): void {
    const { bus, instance } = this.parts;
    this.#subscription = bus.respond(oneTimeCallTopic(executorIdOf(instance)), async (payload) => {
      const { callId } = oneTimeCallQuestion.decode(payload);
      return oneTimeCallAnswer.encode({ v: 1, isOpen: await this.#isOpen(callId) });
    });
  }

  async drain(): Promise<void> {
    await this.#subscription?.drain();
  }

  async #isOpen(callId: string): Promise<boolean> {
    const { pool } = this.parts;
    const workers = Array.from({ length: pool.size }, (_, index) => pool.worker(index));
    const answers = await Promise.all(workers.map((worker) => worker.isStackCallOpen(callId)));
    return answers.includes(true);
  }
}
