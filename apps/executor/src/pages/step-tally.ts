import type { StepCounts } from '#engine';
import type { StepTotals } from '../workers/protocol.js';

/** Sums the counts of a bundle's pages by step. */
export class StepTally {
  readonly #steps = new Map<string, { -readonly [K in keyof StepTotals]: StepTotals[K] }>();

  addPage(counts: readonly StepCounts[]): void {
    for (const { stepId, success, error, ignore } of counts) {
      const step = this.#stepOf(stepId);
      step.success += success;
      step.error += error;
      step.ignore += ignore;
      step.pages += 1;
    }
  }

  /** Records that failed for the step and not at it. */
  addErrors(stepId: string, errors: number): void {
    this.#stepOf(stepId).error += errors;
  }

  totals(): StepTotals[] {
    return [...this.#steps.values()];
  }

  #stepOf(stepId: string): { -readonly [K in keyof StepTotals]: StepTotals[K] } {
    let step = this.#steps.get(stepId);
    if (!step) this.#steps.set(stepId, (step = { stepId, success: 0, error: 0, ignore: 0, pages: 0 }));
    return step;
  }
}
