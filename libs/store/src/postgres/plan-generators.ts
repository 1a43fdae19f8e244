import type { ClientBase } from 'pg';
import { Recent } from '#lanes/recent';
import { prepared, run } from './statement.js';

const maxPlans = 20_000;

/** Page generators of plans, which never change: each plan is read once. */
export class PlanGenerators {
  readonly #known = new Recent<readonly string[]>(maxPlans);

  /** @returns ids of exports by plan; a plan that does not exist is not among them */
  async of(client: ClientBase, planIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const unknown = new Set(planIds.filter((id) => !this.#known.has(id)));
    if (unknown.size > 0) await this.#read(client, [...unknown]);
    return new Map(
      planIds.flatMap((id) => {
        const generators = this.#known.get(id);
        return generators ? [[id, generators] as const] : [];
      }),
    );
  }

  async #read(client: ClientBase, planIds: readonly string[]): Promise<void> {
    const { rows } = await run<PlanRow>(client, plansSql, [planIds]);
    for (const row of rows) this.#known.set(row.id, generatorsOf(row));
  }
}

interface PlanRow {
  readonly id: string;
  readonly generators: unknown;
  readonly export_id: string | null;
}

const plansSql = prepared(
  `select id, plan -> 'flow' -> 'pageGenerators' as generators, plan -> 'flow' ->> '_exportId' as export_id
   from run_plans where id = any($1::text[])`,
);

function generatorsOf({ generators, export_id }: PlanRow): string[] {
  return (Array.isArray(generators) ? generators : [{ _exportId: export_id }]).flatMap(
    (generator: { readonly _exportId?: unknown } | null) =>
      typeof generator?._exportId === 'string' ? [generator._exportId] : [],
  );
}
