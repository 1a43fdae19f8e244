import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually } from '#testing/eventually';
import { createTestDatabase, type TestDatabase } from '#testing/postgres';
import { EmbeddedStream } from './embedded-stream.js';
import { pruneEvents } from './retention.js';

const dayMs = 24 * 60 * 60 * 1_000;

describe('pruneEvents', () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  let stream: EmbeddedStream;

  beforeEach(async () => {
    database = await createTestDatabase();
    pool = new pg.Pool({ connectionString: database.url });
    stream = await EmbeddedStream.open({ databaseUrl: database.url, redeliveryPauses: { firstMs: 5, maxMs: 5 } });
  });
  afterEach(async () => {
    await stream.close();
    await pool.end();
    await database.drop();
  });

  async function produce(count: number): Promise<void> {
    for (let number = 0; number < count; number += 1) {
      await stream.produce('step-results', [{ key: `key-${number}`, value: Buffer.from(String(number)) }]);
    }
  }

  async function ageBy(ms: number): Promise<void> {
    await pool.query(`update millrace_stream.event set stored_at = stored_at - make_interval(secs => $1)`, [
      ms / 1_000,
    ]);
  }

  async function readAll(group: string, count: number, position?: () => Promise<bigint | null>): Promise<void> {
    let read = 0;
    const subscription = await stream.consume({ topic: 'step-results', group, position }, async (batch) => {
      read += batch.events.length;
    });
    await eventually(`${group} has read`, () => read >= count);
    await subscription.drain();
  }

  async function stored(): Promise<number> {
    const result = await pool.query<{ count: number }>('select count(*)::int as count from millrace_stream.event');
    return result.rows[0]!.count;
  }

  it('deletes old events that every group has consumed, whoever keeps its positions', async () => {
    await produce(20);
    await readAll('broker-kept', 20);
    await readAll('self-kept', 20, async () => null);
    await ageBy(8 * dayMs);
    await produce(3);
    expect(await pruneEvents(pool, 7 * dayMs)).toBe(20);
    expect(await stored()).toBe(3);
  });

  it('keeps old events that a group has not consumed', async () => {
    await produce(20);
    await readAll('fast', 20);
    const stuck = await stream.consume({ topic: 'step-results', group: 'stuck' }, () =>
      Promise.reject(new Error('database is down')),
    );
    await ageBy(30 * dayMs);
    expect(await pruneEvents(pool, 7 * dayMs)).toBe(0);
    await stuck.drain();
    await readAll('stuck', 20);
    expect(await pruneEvents(pool, 7 * dayMs)).toBe(20);
  });

  it('keeps consumed events that are not old', async () => {
    await produce(5);
    await readAll('readers', 5);
    expect(await pruneEvents(pool, 7 * dayMs)).toBe(0);
  });

  it('goes on numbering after everything was deleted, and new groups begin at what is left', async () => {
    await produce(8);
    await readAll('readers', 8);
    await ageBy(8 * dayMs);
    await pruneEvents(pool, 7 * dayMs);
    await produce(2);
    await readAll('new', 2);
    await readAll('readers', 2);
  });
});
