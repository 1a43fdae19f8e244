import type { MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { Checkpoints } from '../ports.js';
import { DeltaCheckpoint } from './entities/index.js';
import { isoOrNull } from './times.js';

export function createCheckpoints(orm: MikroORM, pool: Pool): Checkpoints {
  return {
    async get(flowId, exportId) {
      const row = await orm.em.fork().findOne(DeltaCheckpoint, { flowId, exportId });
      return isoOrNull(row?.reachedAt);
    },

    async latest(flowId) {
      const row = await orm.em.fork().findOne(DeltaCheckpoint, { flowId }, { orderBy: { reachedAt: 'desc' } });
      return isoOrNull(row?.reachedAt);
    },

    async advance(accountId, flowId, exportId, to) {
      await pool.query(
        `insert into delta_checkpoints (flow_id, export_id, account_id, reached_at) values ($1, $2, $3, $4)
         on conflict (flow_id, export_id) do update
         set reached_at = greatest(delta_checkpoints.reached_at, excluded.reached_at)`,
        [flowId, exportId, accountId, to],
      );
    },
  };
}
