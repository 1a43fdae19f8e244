import type { Jobs } from '#store';
import { Recent } from '#lanes/recent';

interface Positions {
  /** by step id: as page generator, and as page processor */
  readonly generators: ReadonlyMap<string, number>;
  readonly processors: ReadonlyMap<string, number>;
}

const maxRuns = 20_000;
const nowhere: Positions = { generators: new Map(), processors: new Map() };

/** Positions (`oIndex`) of the steps of runs. They never change once a run has started, so each run is read once. */
export class StepPositions {
  readonly #jobs: Pick<Jobs, 'planOf'>;
  readonly #known = new Recent<Positions>(maxRuns);

  constructor(jobs: Pick<Jobs, 'planOf'>) {
    this.#jobs = jobs;
  }

  /** Reads what is not known yet of these runs; afterwards {@link positionOf} answers for them. */
  async load(runIds: Iterable<string>): Promise<ReadonlyMap<string, Positions>> {
    const loaded = await Promise.all(
      [...new Set(runIds)].map(async (runId) => [runId, await this.#of(runId)] as const),
    );
    return new Map(loaded);
  }

  async #of(runId: string): Promise<Positions> {
    const known = this.#known.get(runId);
    if (known) return known;
    const started = await this.#jobs.planOf(runId);
    if (!started) return nowhere;
    const generators = new Map<string, number>();
    const processors = new Map<string, number>();
    for (const { stepId, oIndex } of started.children) {
      // An export that is both has two children, the generator first.
      if (!generators.has(stepId)) generators.set(stepId, oIndex);
      processors.set(stepId, oIndex);
    }
    const positions = { generators, processors };
    this.#known.set(runId, positions);
    return positions;
  }
}

/** @param stage of the error, which tells a generator from a lookup through the same export; it stands for its routers */
export function positionOf(positions: Positions | undefined, stepId: string, stage: string): number | null {
  const steps = stage === 'page_generator' || stage === 'router' ? positions?.generators : positions?.processors;
  return steps?.get(stepId) ?? null;
}
