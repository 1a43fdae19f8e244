import type { FilterQuery, InferEntity } from '@mikro-orm/core';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { ScriptLogQuery, ScriptLogRow, ScriptLogs } from '../ports.js';
import { ScriptLogLine } from './entities/index.js';
import { storableText } from './storable.js';
import { iso } from './times.js';

type LineEntity = InferEntity<typeof ScriptLogLine>;

export function createScriptLogs(orm: MikroORM, pool: Pool): ScriptLogs {
  return {
    async append(rows) {
      if (rows.length > 0) await pool.query(insertSql, [JSON.stringify(rows.map(toColumns))]);
    },

    async list(accountId, scriptId, query) {
      const found = await orm.em
        .fork()
        .find(
          ScriptLogLine,
          { $and: [{ accountId, scriptId }, ...conditions(query)] },
          { orderBy: { time: 'desc', id: 'desc' }, limit: query.limit + 1, offset: query.offset },
        );
      return { rows: found.slice(0, query.limit).map(toRow), more: found.length > query.limit };
    },

    async clear(accountId, scriptId) {
      await orm.em.fork().nativeDelete(ScriptLogLine, { accountId, scriptId });
    },
  };
}

function conditions({ levels, gt, gte, lte, flowId }: ScriptLogQuery): FilterQuery<LineEntity>[] {
  return [
    ...(levels ? [{ level: { $in: [...levels] } }] : []),
    ...(gt ? [{ time: { $gt: new Date(gt) } }] : []),
    ...(gte ? [{ time: { $gte: new Date(gte) } }] : []),
    ...(lte ? [{ time: { $lte: new Date(lte) } }] : []),
    ...(flowId ? [{ flowId }] : []),
  ];
}

function toRow(line: LineEntity): ScriptLogRow {
  const { id, accountId, scriptId, flowId, flowJobId, functionType, resourceId, message } = line;
  return {
    id,
    accountId,
    scriptId,
    flowId,
    flowJobId,
    time: iso(line.time),
    level: line.level as ScriptLogRow['level'],
    functionType,
    resourceId,
    message,
    purgeAt: iso(line.purgeAt),
  };
}

function toColumns(row: ScriptLogRow) {
  return {
    id: row.id,
    account_id: row.accountId,
    script_id: row.scriptId,
    flow_id: row.flowId,
    flow_job_id: row.flowJobId,
    time: row.time,
    level: row.level,
    function_type: storableText(row.functionType),
    resource_id: storableText(row.resourceId),
    message: storableText(row.message),
    purge_at: row.purgeAt,
  };
}

const insertSql = `
insert into script_logs (
  id, account_id, script_id, flow_id, flow_job_id, time, level, function_type, resource_id, message, purge_at
)
select id, account_id, script_id, flow_id, flow_job_id, time, level, function_type, resource_id, message, purge_at
from json_to_recordset($1::json) as given (
  id text, account_id text, script_id text, flow_id text, flow_job_id text, time timestamptz, level text,
  function_type text, resource_id text, message text, purge_at timestamptz
)
on conflict (id) do nothing`;
