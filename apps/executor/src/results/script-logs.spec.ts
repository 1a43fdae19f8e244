import { describe, expect, it } from '@jest/globals';
import type { ScriptLogRow } from '#store';
import { ScriptLogs } from './script-logs.js';

const run = { kind: 'script-log' as const, accountId: 'a', runId: 'r', flowId: 'f' };
const line = (message: string, time = 0) => ({
  scriptId: 's',
  time,
  level: 'info' as const,
  functionType: 'preMap',
  resourceId: 'step',
  message,
});

class Database {
  readonly rows: ScriptLogRow[] = [];
  readonly errors: unknown[] = [];
  statements = 0;
  isDown = false;
  readonly logs = new ScriptLogs(
    {
      append: async (rows) => {
        this.statements += 1;
        if (this.isDown) throw new Error('the database is away');
        this.rows.push(...rows);
      },
    },
    (error) => this.errors.push(error),
  );
}

describe('what scripts log', () => {
  it('is written in order, many lines at a time, kept for 30 days', async () => {
    const { logs, rows, errors } = new Database();
    for (let i = 0; i < 500; i += 1) logs.add({ ...run, lines: [line(`${i}`, i), line(`${i}b`, i)] });
    await logs.idle();
    expect(rows.map(({ message }) => message)).toEqual(Array.from({ length: 500 }, (_, i) => [`${i}`, `${i}b`]).flat());
    expect(new Set(rows.map(({ id }) => id)).size).toBe(1_000);
    expect(rows[3]).toMatchObject({
      accountId: 'a',
      scriptId: 's',
      flowId: 'f',
      flowJobId: 'r',
      time: '1970-01-01T00:00:00.001Z',
      level: 'info',
      functionType: 'preMap',
      resourceId: 'step',
      purgeAt: '1970-01-31T00:00:00.001Z',
    });
    expect(errors).toEqual([]);
  });

  it('is bounded per run, and says so', async () => {
    const { logs, rows } = new Database();
    for (let i = 0; i < 60; i += 1) logs.add({ ...run, lines: Array.from({ length: 200 }, () => line('x')) });
    logs.add({ ...run, runId: 'next', lines: [line('of another run')] });
    await logs.idle();
    expect(rows).toHaveLength(10_001);
    expect(rows[9_999]).toMatchObject({ level: 'warn', message: expect.stringContaining('further lines are dropped') });
    expect(rows[10_000]!.message).toBe('of another run');
  });

  it('is dropped when the database does not keep up, and flows again afterwards', async () => {
    const database = new Database();
    const { logs } = database;
    database.isDown = true;
    for (let i = 0; i < 3_000; i += 1) logs.add({ ...run, runId: `r${i % 10}`, lines: [line('x'.repeat(4_000))] });
    await logs.idle();
    expect(database.rows).toEqual([]);
    expect(database.errors.length).toBe(database.statements);
    database.isDown = false;
    logs.add({ ...run, lines: [line('again')] });
    await logs.idle();
    expect(database.rows.map(({ message }) => message)).toEqual(['again']);
  });
});
