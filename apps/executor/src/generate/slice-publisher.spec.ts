import { describe, expect, it } from '@jest/globals';
import type { Delivery, OutgoingMessage } from '#bus';
import { generateHeader, pageHeader, workHeader, type GenerateHeader } from '#contracts';
import type { EncodedBundle, SliceResult } from '../workers/protocol.js';
import { publishSlice } from './slice-publisher.js';

const id = (n: number): string => n.toString(16).padStart(24, '0');
const header: GenerateHeader = {
  v: 1,
  kind: 'slice',
  runId: id(1),
  accountId: id(2),
  flowId: id(3),
  planId: 'plan',
  exportId: id(4),
  ordinal: 0,
  slice: 2,
  nextPage: 5,
  totals: { pages: 5, records: 100, ignored: 0, failed: 0 },
};
const delivery = { headers: {} } as Delivery;
const totals = { pages: 7, records: 123, ignored: 1, failed: 0 };

function bundle(page: number): EncodedBundle {
  const { runId, accountId, flowId, planId, exportId, ordinal } = header;
  return {
    id: `${runId}/0/p${page}`,
    header: {
      v: 1,
      runId,
      accountId,
      flowId,
      planId,
      exportId,
      ordinal,
      pages: [page],
      records: 20,
      position: 0,
      encoding: 'identity',
    },
    body: Buffer.from('[]'),
    plainBytes: 2,
    isResident: false,
  };
}

async function published(change: Partial<SliceResult>, isLast: boolean): Promise<readonly OutgoingMessage[]> {
  const result: SliceResult = {
    kind: 'slice',
    bundles: [bundle(5), bundle(6)],
    nextPage: 7,
    totals,
    successor: null,
    end: 'complete',
    errors: { events: [], blobs: [] },
    calls: [],
    ...change,
  };
  let batch: readonly OutgoingMessage[] = [];
  const bus = {
    publishAtomic: async (messages: readonly OutgoingMessage[]) => {
      batch = messages;
      return 'published' as const;
    },
  };
  await publishSlice(bus, delivery, header, result, undefined, 'executor-1', isLast);
  return batch;
}

const headerOf = (message: OutgoingMessage | undefined): unknown =>
  JSON.parse(message?.headers?.[workHeader] ?? 'null');

describe('the batch that makes a slice durable', () => {
  it('ends with the next slice while there is more to read', async () => {
    const batch = await published({ successor: Buffer.from('{}'), end: null }, false);
    expect(batch.map((message) => message.id)).toEqual([`${id(1)}/0/p5`, `${id(1)}/0/p6`, `${id(1)}/0/3`]);
    // Whatever another reading of the slice makes, it shares one of these two with this one.
    expect(batch.map(({ carriesOn }) => carriesOn)).toEqual([delivery, undefined, delivery]);
    expect(generateHeader.parse(headerOf(batch[2]))).toMatchObject({ kind: 'slice', slice: 3, nextPage: 7, totals });
  });

  it('ends with a message of its own for the end that another generator begins after', async () => {
    const batch = await published({}, false);
    expect(batch.map((message) => message.id)).toEqual([`${id(1)}/0/p5`, `${id(1)}/0/p6`, `${id(1)}/0/end`]);
    expect(generateHeader.parse(headerOf(batch[2]))).toMatchObject({ kind: 'end', slice: 3, totals, complete: true });
  });

  it.each([
    ['complete', true],
    ['failed', false],
  ] as const)('carries the last end (%s) on its last bundle', async (end, complete) => {
    const batch = await published({ end }, true);
    expect(batch.map((message) => message.id)).toEqual([`${id(1)}/0/p5`, `${id(1)}/0/p6`]);
    const [first, last] = batch.map((message) => pageHeader.parse(headerOf(message)));
    expect(first?.end).toBeUndefined();
    expect(last?.end).toEqual({ slice: 3, totals, complete });
  });
});
