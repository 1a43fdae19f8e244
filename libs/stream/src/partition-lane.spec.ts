import { describe, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import { PartitionLane, type PartitionLaneOptions } from './partition-lane.js';
import type { StreamLogEntry } from './stream-log.js';
import type { BatchHandler, StreamBatch, StreamEvent } from './stream.js';

function events(from: number, count: number, bytes = 10): StreamEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    key: '',
    value: new Uint8Array(bytes),
    headers: {},
    offset: BigInt(from + index),
    storedAtMs: 0,
  }));
}

/** A handler whose batches end when the test says so. */
class ManualHandler {
  readonly batches: { batch: StreamBatch; done(): void; fail(): void }[] = [];
  readonly handler: BatchHandler = (batch) =>
    new Promise((resolve, reject) => {
      this.batches.push({ batch, done: resolve, fail: () => reject(new Error('refused')) });
    });

  get offsets(): number[][] {
    return this.batches.map(({ batch }) => batch.events.map(({ offset }) => Number(offset)));
  }

  async finish(index: number): Promise<void> {
    await eventually(`batch ${index}`, () => this.batches.length > index);
    this.batches[index]!.done();
  }
}

function createLane(position: bigint | null, overrides: Partial<PartitionLaneOptions> = {}) {
  const manual = new ManualHandler();
  const settled: bigint[] = [];
  const log: StreamLogEntry[] = [];
  let room = 0;
  const lane = new PartitionLane(position, {
    topic: 'step-results',
    partition: 0,
    group: 'readers',
    maxBatchBytes: 50,
    handler: manual.handler,
    pauses: { firstMs: 1, maxMs: 4 },
    log: (entry) => log.push(entry),
    settle: async (nextOffset) => void settled.push(nextOffset),
    onRoom: () => (room += 1),
    ...overrides,
  });
  return { lane, manual, settled, log, roomCalls: () => room };
}

describe('PartitionLane', () => {
  it('collects what arrives while the handler works into the next batch, up to its bytes', async () => {
    const { lane, manual, settled } = createLane(0n);
    lane.push(events(0, 1));
    lane.push(events(1, 3));
    lane.push(events(4, 4));
    await manual.finish(0);
    await manual.finish(1);
    await manual.finish(2);
    await eventually('settled', () => settled.length === 3);
    expect(manual.offsets).toEqual([[0], [1, 2, 3, 4, 5], [6, 7]]);
    expect(settled).toEqual([1n, 6n, 8n]);
    expect(lane.position).toBe(8n);
  });

  it('delivers an event larger than a batch alone', async () => {
    const { lane, manual } = createLane(0n);
    lane.push([...events(0, 1, 5), ...events(1, 1, 500), ...events(2, 1, 5)]);
    for (const index of [0, 1, 2]) await manual.finish(index);
    expect(manual.offsets).toEqual([[0], [1], [2]]);
  });

  it('has no room while it holds a full batch beside the one at work, and says when it has again', async () => {
    const { lane, manual, roomCalls } = createLane(0n);
    lane.push(events(0, 1));
    await eventually('started', () => manual.batches.length === 1);
    lane.push(events(1, 5));
    expect(lane.hasRoom).toBe(false);
    const before = roomCalls();
    await manual.finish(0);
    await eventually('room', () => lane.hasRoom);
    expect(roomCalls()).toBe(before + 1);
  });

  it('ignores events that it has already', async () => {
    const { lane, manual } = createLane(2n);
    lane.push(events(0, 4));
    await manual.finish(0);
    lane.push(events(2, 3));
    await manual.finish(1);
    expect(manual.offsets).toEqual([[2, 3], [4]]);
  });

  it('gives the same batch again, and says so, until the handler returns', async () => {
    const { lane, manual, settled, log } = createLane(0n);
    lane.push(events(0, 2));
    for (const index of [0, 1]) {
      await eventually('delivered', () => manual.batches.length > index);
      manual.batches[index]!.fail();
    }
    await manual.finish(2);
    await eventually('settled', () => settled.length === 1);
    expect(manual.offsets).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
    expect(log.map(({ level, details }) => [level, details.failures])).toEqual([
      ['error', 1],
      ['error', 2],
    ]);
  });

  it.each([
    ['settle', [1n]],
    ['revoke', []],
  ] as const)('closes after the running handler: %s', async (outcome, expected) => {
    const { lane, manual, settled } = createLane(0n);
    lane.push(events(0, 1));
    await eventually('started', () => manual.batches.length === 1);
    lane.push(events(1, 2));
    const closed = lane.close(outcome);
    manual.batches[0]!.done();
    await closed;
    lane.push(events(3, 1));
    expect(manual.offsets).toEqual([[0]]);
    expect(settled).toEqual(expected);
  });

  it('goes on when a position cannot be stored: the next one covers it', async () => {
    const { lane, manual, log } = createLane(0n, { settle: () => Promise.reject(new Error('away')) });
    lane.push(events(0, 1));
    await manual.finish(0);
    lane.push(events(1, 1));
    await manual.finish(1);
    await eventually('both said', () => log.length === 2);
    expect(log.every(({ level }) => level === 'warn')).toBe(true);
  });

  it('follows the position of a handler that refused the batch', async () => {
    const moves: (bigint | null)[] = [];
    const { lane, manual } = createLane(5n, {
      storedPosition: async () => 2n,
      onMoved: (offset) => moves.push(offset),
    });
    lane.push(events(5, 2));
    await eventually('delivered', () => manual.batches.length === 1);
    manual.batches[0]!.fail();
    await eventually('moved', () => moves.length === 1);
    expect([moves, lane.fetchFrom, lane.position]).toEqual([[2n], 2n, 2n]);
    lane.push(events(2, 5));
    await eventually('delivered there', () => manual.batches.length === 2);
    expect(manual.offsets[1]).toEqual([2, 3, 4, 5, 6]);
    manual.batches[1]!.done();
    await lane.close('settle');
  });
});
