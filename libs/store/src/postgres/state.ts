import type { Pool } from 'pg';
import type { JsonValue } from '#model';
import type { State } from '../ports.js';

/** Keys stand in their column as JSON, whose escapes hold what PostgreSQL's text does not (see `storable.ts`). */
export function createState(pool: Pool): State {
  return {
    async get(accountId, key) {
      const { rows } = await pool.query<{ value: string }>(
        `select value::text as value from state where account_id = $1 and key = $2`,
        [accountId, JSON.stringify(key)],
      );
      return rows[0] && (JSON.parse(rows[0].value) as JsonValue);
    },

    async put(accountId, key, value, maxKeys) {
      const { rows } = await pool.query<{ created: boolean }>(putSql, [
        accountId,
        JSON.stringify(key),
        JSON.stringify(value),
        maxKeys,
      ]);
      if (!rows[0]) return 'full';
      return rows[0].created ? 'created' : 'replaced';
    },

    async delete(accountId, key) {
      const { rowCount } = await pool.query(`delete from state where account_id = $1 and key = $2`, [
        accountId,
        JSON.stringify(key),
      ]);
      return rowCount === 1;
    },

    async keys(accountId) {
      const { rows } = await pool.query<{ key: string }>(`select key from state where account_id = $1`, [accountId]);
      return rows.map(({ key }) => JSON.parse(key) as string).sort(byCodeUnit);
    },

    async clear(accountId) {
      await pool.query(`delete from state where account_id = $1`, [accountId]);
    },
  };
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A row that was inserted has no transaction that ended it. */
const putSql = `
insert into state (account_id, key, value)
select $1, $2, $3::json
where exists (select from state where account_id = $1 and key = $2)
   or (select count(*) from state where account_id = $1) < $4
on conflict (account_id, key) do update set value = excluded.value
returning xmax = 0 as created`;
