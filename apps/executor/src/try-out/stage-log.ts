import type { TryOutStage } from '#contracts';
import type { StageEntry, StageReport } from '#engine';
import { reasonOf } from './reasons.js';

/** Stages of the record's way into the step; requests and responses come between these and the others. */
const before: ReadonlySet<StageReport['name']> = new Set(['inputFilter', 'preMapHook', 'mapping', 'postMapHook']);

/** What records went through, by step. */
export class StageLog {
  readonly #byStep = new Map<string, StageReport[]>();

  /** For the engine. */
  readonly watch = (report: StageReport): void => {
    const known = this.#byStep.get(report.stepId) ?? [];
    this.#byStep.set(report.stepId, [...known, report]);
  };

  /** Entries of the last of these stages that the step has. */
  entriesOf(stepId: string, ...names: readonly StageReport['name'][]): readonly StageEntry[] {
    const reports = (this.#byStep.get(stepId) ?? []).filter(({ name }) => names.includes(name));
    return reports.at(-1)?.entries ?? [];
  }

  /** @param exchanges the stages of what the step asked of an application */
  stagesOf(stepId: string, exchanges: readonly TryOutStage[]): TryOutStage[] {
    const reports = this.#byStep.get(stepId) ?? [];
    return [
      ...reports.filter(({ name }) => before.has(name)).map(stageOf),
      ...exchanges,
      ...reports.filter(({ name }) => !before.has(name)).map(stageOf),
    ];
  }
}

function stageOf({ name, entries }: StageReport): TryOutStage {
  return {
    name,
    input: entries.map(({ input }) => input ?? null),
    output: entries.flatMap(({ output }) => (output === undefined ? [] : [output])),
    errors: entries.flatMap(({ failures = [] }) => failures.map((failure) => reasonOf(failure))),
  };
}
