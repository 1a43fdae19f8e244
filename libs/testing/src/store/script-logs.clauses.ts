import { describe, expect, it } from '@jest/globals';
import { newId } from '#model';
import type { ScriptLogRow } from '#store';
import type { Stores } from './fixture.js';

const line = (row: Partial<ScriptLogRow> = {}): ScriptLogRow => ({
  id: newId(),
  accountId: newId(),
  scriptId: newId(),
  flowId: newId(),
  flowJobId: newId(),
  time: '2026-06-01T00:00:00.000Z',
  level: 'info',
  functionType: 'preMap',
  resourceId: newId(),
  message: 'a line',
  purgeAt: '2036-06-01T00:00:00.000Z',
  ...row,
});

export function scriptLogClauses(stores: Stores): void {
  describe('script logs', () => {
    it('are listed as they were written, newest first; those of one moment in their order', async () => {
      const [accountId, scriptId] = [newId(), newId()];
      const rows = [
        line({ accountId, scriptId, message: 'first' }),
        line({ accountId, scriptId, message: 'second', level: 'error' }),
        line({ accountId, scriptId, message: 'later', time: '2026-06-01T00:00:00.001Z' }),
      ];
      await stores.store.scriptLogs.append(rows);
      const { scriptLogs } = stores.other;
      expect(await scriptLogs.list(accountId, scriptId, { limit: 10, offset: 0 })).toEqual({
        rows: rows.toReversed(),
        more: false,
      });
      expect(await scriptLogs.list(accountId, scriptId, { limit: 1, offset: 1 })).toEqual({
        rows: [rows[1]],
        more: true,
      });
    });

    it('hold what no text of the database can, in part', async () => {
      const row = line({ message: 'a\u0000b \uD83D' });
      await stores.store.scriptLogs.append([row]);
      const { rows } = await stores.store.scriptLogs.list(row.accountId, row.scriptId, { limit: 1, offset: 0 });
      expect(rows).toEqual([{ ...row, message: 'a\uFFFDb \uFFFD' }]);
    });

    it('belong to one account, and are cleared for one script', async () => {
      const [mine, theirs] = [newId(), newId()];
      const scriptId = newId();
      const other = line({ accountId: mine });
      await stores.store.scriptLogs.append([
        line({ accountId: mine, scriptId }),
        line({ accountId: theirs, scriptId }),
        other,
      ]);
      await stores.store.scriptLogs.clear(mine, scriptId);
      const linesOf = async (accountId: string, id: string) =>
        (await stores.store.scriptLogs.list(accountId, id, { limit: 10, offset: 0 })).rows.length;
      expect(await linesOf(mine, scriptId)).toBe(0);
      expect(await linesOf(theirs, scriptId)).toBe(1);
      expect(await linesOf(mine, other.scriptId)).toBe(1);
    });

    it('are forgotten when their time is over', async () => {
      const row = line({ purgeAt: '2026-06-02T00:00:00.000Z' });
      await stores.store.scriptLogs.append([row]);
      await stores.store.maintenance.purge(new Date('2026-06-02T00:00:00.001Z'), 1_000);
      const { rows } = await stores.store.scriptLogs.list(row.accountId, row.scriptId, { limit: 1, offset: 0 });
      expect(rows).toEqual([]);
    });
  });
}
