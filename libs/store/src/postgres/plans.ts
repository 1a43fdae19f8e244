import type { MikroORM } from '@mikro-orm/postgresql';
import type { FlowPlan } from '#engine';
import type { JsonRecord } from '#model';
import type { Plans } from '../ports.js';
import { RunPlan } from './entities/index.js';

export function createPlans(orm: MikroORM): Plans {
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
      const row = await orm.em.fork().findOne(RunPlan, { id: planId });
      return row ? (row.plan as unknown as FlowPlan) : null;
    },
  };
}
