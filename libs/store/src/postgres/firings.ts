import type { MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { EnqueueRun, Firings } from '../ports.js';
import { admit } from './admission.js';
import { coalesce } from '#lanes/coalesce';
import { Firing } from './entities/index.js';
import { lockFlows } from './flow-locks.js';
import { isoOrNull } from './times.js';
import { inTransaction, isFaultOfRow } from './transaction.js';

interface Fire {
  readonly key: string;
  readonly instant: string;
  readonly run: EnqueueRun;
}

type Outcome = Awaited<ReturnType<Firings['fire']>>;

export function createFirings(orm: MikroORM, pool: Pool): Firings {
  const fire = coalesce<Fire, Outcome>((fires) => fireAll(pool, fires), { isFaultOfItem: isFaultOfRow });

  return {
    fire: (key, instant, run) => fire({ key, instant, run }),

    async last(flowId, exportId) {
      const row = await orm.em
        .fork()
        .findOne(Firing, { flowId, exportId }, { orderBy: { instant: 'desc' }, fields: ['instant'] });
      return isoOrNull(row?.instant);
    },
  };
}

/** Many flows fire at the same full minute: one transaction takes them all. */
function fireAll(pool: Pool, fires: readonly Fire[]): Promise<Outcome[]> {
  return inTransaction(pool, async (client) => {
    await lockFlows(
      client,
      fires.map(({ run }) => run.flowId),
    );
    const rows = fires.map(({ key, instant, run }, place) => ({
      place,
      key,
      flow_id: run.flowId,
      export_id: exportOf(key),
      instant,
      job_id: run.jobId,
    }));
    const { rows: recorded } = await client.query<{ key: string; job_id: string }>(recordSql, [JSON.stringify(rows)]);
    // Of callers that ask for the same firing in one batch, the first recorded it.
    const isRecorded = new Set(recorded.map(({ key }) => key));
    const first = new Map(fires.map((one) => [one.key, one] as const).toReversed());
    const isFirst = (one: Fire) => isRecorded.has(one.key) && first.get(one.key) === one;
    const stored = await admit(
      client,
      fires.filter(isFirst).map(({ run }) => run),
      0,
      Date.now(),
    );
    const skipped = recorded.filter(({ job_id }) => !stored.has(job_id)).map(({ key }) => key);
    if (skipped.length > 0) {
      await client.query(`update firings set outcome = 'skipped' where key = any($1::text[])`, [skipped]);
    }
    return fires.map((one) => {
      if (!isFirst(one)) return 'duplicate';
      return stored.has(one.run.jobId) ? 'fired' : 'skipped';
    });
  });
}

/** `<flowId>[/<exportId>]@<instant>` */
function exportOf(key: string): string | null {
  return /^[^/@]*\/([^@]*)@/.exec(key)?.[1] ?? null;
}

const recordSql = `
insert into firings (key, flow_id, export_id, instant, outcome, job_id)
select key, flow_id, export_id, instant, 'fired', job_id
from json_to_recordset($1::json) as fired (place int, key text, flow_id text, export_id text, instant timestamptz, job_id text)
order by key, place
on conflict (key) do nothing
returning key, job_id`;
