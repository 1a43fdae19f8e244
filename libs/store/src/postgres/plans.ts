import type { MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { FlowPlan } from '#engine';
import type { JsonRecord } from '#model';
import type { Plans } from '../ports.js';
import { RunPlan } from './entities/index.js';
import { jsonOf, prepared, run } from './statement.js';

const readSql = prepared('select plan from run_plans where id = $1');

export function createPlans(orm: MikroORM, pool: Pool): Plans {
  return {
    async put(planId, accountId, plan) {
      await orm.em
        .fork()
        .createQueryBuilder(RunPlan)
        .insert({ id: planId, accountId, plan: plan as unknown as JsonRecord, createdAt: new Date() })
        .onConflict(['id'])
        .ignore()
        .execute('run');
    },

    async get(planId) {
      const { rows } = await run<{ plan: FlowPlan | string }>(pool, readSql, [planId]);
      return rows[0] ? jsonOf(rows[0].plan) : null;
    },
  };
}
