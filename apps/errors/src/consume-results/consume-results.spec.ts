import type { Blobs } from '#blobs';
import { stepResult, type ErrorEvent, type StepResult } from '#contracts';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ControllableClock, settled } from '#testing/clock';
import { FakeBroker } from '#testing/fakes/fake-broker';
import { FakeStore } from '#testing/fakes/fake-store';
import { FakeStream } from '#testing/fakes/fake-stream';
import { createErrorsService, type ErrorsService } from '../errors-service.js';
import type { ErrorsTelemetry } from '../telemetry.js';

const id = (n: number): string => n.toString(16).padStart(24, '0');
const accountId = id(900);
const flowId = id(800);

let stream: FakeStream;
let store: FakeStore;
let broker: FakeBroker;
let letters: Map<string, unknown>;
let told: string[];
let services: ErrorsService[];

const blobs: Pick<Blobs, 'put'> = {
  put: async (key, content) => {
    letters.set(key, JSON.parse(Buffer.from(content as Uint8Array).toString()));
    return { key, bytes: 0, storedAt: '' };
  },
};

const telemetry: ErrorsTelemetry = {
  resultsApplied: () => undefined,
  eventRejected: ({ reason }) => void told.push(`rejected: ${reason}`),
  partitionMoved: () => void told.push('moved'),
  batchFailed: (_, error) => void told.push(`failed: ${error instanceof Error ? error.message : String(error)}`),
  offsetsSkipped: ({ from, to }) => void told.push(`skipped ${from}-${to}`),
  housekeepingFailed: () => void told.push('housekeeping failed'),
};

beforeEach(() => {
  const clock = new ControllableClock();
  stream = new FakeStream();
  store = new FakeStore(clock);
  broker = new FakeBroker(clock);
  letters = new Map();
  told = [];
  services = [];
});
afterEach(() => Promise.all(services.map((service) => service.drain())));

async function start(): Promise<void> {
  const service = createErrorsService({ bus: broker.connect(), stream, store, blobs, telemetry });
  services.push(service);
  await service.start();
  await applied();
}

async function applied(): Promise<void> {
  await stream.idle();
  await settled();
}

async function produce(...values: (StepResult | Uint8Array)[]): Promise<void> {
  await stream.produce(
    'step-results',
    values.map((value) => ({ key: 'run', value: value instanceof Uint8Array ? value : stepResult.encode(value) })),
  );
  await applied();
}

const common = (run: number) => ({ v: 1, runId: id(run), accountId, flowId }) as const;
const pages = (run: number, page: number, errors: ErrorEvent[] = []): StepResult => ({
  ...common(run),
  kind: 'pages',
  resultId: `${id(run)}/0/p${page}`,
  ordinal: 0,
  position: 0,
  pages: 1,
  forked: 0,
  steps: [{ stepId: id(5), success: 20, error: 0, ignore: 0, pages: 1 }],
  errors,
});
const finished = (run: number): StepResult => ({
  ...common(run),
  kind: 'finished',
  canceled: false,
  finishedAt: '2026-01-01T00:00:00.000Z',
});
const error = (n: number, stepId: string, stage = 'page_processor_import'): ErrorEvent => ({
  stepId,
  errorId: id(n),
  page: 0,
  index: n,
  failure: { code: '422', message: 'no', source: 'application' },
  traceKey: String(n),
  stage,
  retryRecord: { n },
  occurredAt: '2026-01-01T00:00:00.000Z',
});
const signals = (topic: string): string[] => broker.signals.filter((s) => s.topic === topic).map((s) => s.payload);
const appliedPages = (): string[] => store.applied.flatMap((batch) => batch.pages.map(({ resultId }) => resultId));

describe('step results', () => {
  it('are applied batch by batch, each with the position it ends at', async () => {
    await produce(pages(1, 0), pages(1, 1), pages(2, 0));
    await start();
    await produce(finished(1));
    expect(store.applied.map((b) => [b.firstOffset, b.nextOffset, b.pages.length, b.finished.length])).toEqual([
      [0n, 3n, 3, 0],
      [3n, 4n, 0, 1],
    ]);
  });

  it('tell once per batch which jobs changed, and which are final now', async () => {
    await produce(pages(1, 0), pages(1, 1), pages(2, 0), finished(2));
    await start();
    expect(signals('job.changed')).toEqual([id(1)]);
    expect(signals('job.final')).toEqual([id(2)]);
  });

  it('of very many runs fit into signals of 64 KB', async () => {
    stream.maxBatchEvents = 10_000;
    await produce(...Array.from({ length: 6_000 }, (_, run) => pages(run, 0)));
    await start();
    const payloads = signals('job.changed');
    expect(payloads.flatMap((payload) => payload.split(' '))).toHaveLength(6_000);
    expect(Math.max(...payloads.map((payload) => payload.length))).toBeLessThanOrEqual(64 * 1024);
  });

  it('go on where the group stood when the service starts again', async () => {
    await start();
    await produce(pages(1, 0));
    await Promise.all(services.map((service) => service.drain()));
    await produce(pages(1, 1));
    await start();
    expect(appliedPages()).toEqual([`${id(1)}/0/p0`, `${id(1)}/0/p1`]);
  });
});

describe('errors in step results', () => {
  it('get the position of their step, told apart for an export that is generator and lookup', async () => {
    const [exportId, importId] = [id(50), id(51)];
    await store.jobs.enqueue({
      jobId: id(1),
      accountId,
      flowId,
      integrationId: null,
      triggeredBy: 'manual',
      userId: null,
      traceId: null,
      request: {},
    });
    await store.jobs.start(id(1), 'plan', [
      { jobId: id(60), type: 'export', stepId: exportId, oIndex: 0 },
      { jobId: id(61), type: 'export', stepId: exportId, oIndex: 1 },
      { jobId: id(62), type: 'import', stepId: importId, oIndex: 2 },
    ]);
    await produce(
      pages(1, 0, [
        error(1, exportId, 'page_generator'),
        error(2, exportId, 'page_processor_lookup'),
        error(3, importId),
        error(4, id(99)),
      ]),
    );
    await start();
    expect(store.applied[0]?.errors.map(({ oIndex }) => oIndex)).toEqual(['0', '1', '2', '']);
    await produce(pages(1, 1, [error(5, importId)]));
    expect(store.calls['jobs.planOf']).toBe(1);
  });
});

describe('results of two tries of one message', () => {
  it('count as the first of them, with its errors and no others', async () => {
    await produce(pages(1, 0, [error(1, id(5))]), pages(1, 0, [error(2, id(5))]), pages(1, 1, [error(3, id(5))]));
    await start();
    expect(appliedPages()).toEqual([`${id(1)}/0/p0`, `${id(1)}/0/p1`]);
    expect(store.applied[0]?.errors.map(({ errorId, resultId }) => [errorId, resultId])).toEqual([
      [id(1), `${id(1)}/0/p0`],
      [id(3), `${id(1)}/0/p1`],
    ]);
  });
});

describe('an event that is no step result', () => {
  it('goes to the dead letters as it was, and the others are applied', async () => {
    await produce(pages(1, 0), Buffer.from('{"v":7}'), pages(1, 1));
    await start();
    expect(appliedPages()).toHaveLength(2);
    expect([...letters]).toEqual([
      [
        'dead-letters/step-results/0/1',
        expect.objectContaining({
          offset: '1',
          reason: 'unknown version 7',
          value: Buffer.from('{"v":7}').toString('base64'),
        }),
      ],
    ]);
    expect(told).toEqual(['rejected: unknown version 7']);
    expect(store.applied.at(-1)?.nextOffset).toBe(3n);
  });

  it('is not lost when the dead letters cannot be written: the batch comes again', async () => {
    await produce(Buffer.from('?'), pages(1, 0));
    const put = blobs.put;
    let failures = 2;
    Object.assign(blobs, {
      put: (...args: Parameters<typeof put>) => (failures-- > 0 ? Promise.reject(new Error('full')) : put(...args)),
    });
    await start();
    Object.assign(blobs, { put });
    expect(told).toEqual(['failed: full', 'failed: full', 'rejected: not JSON']);
    expect([letters.size, appliedPages().length]).toEqual([1, 1]);
  });
});

describe('an event that the database refuses', () => {
  it('goes to the dead letters, alone', async () => {
    const apply = store.ledger.apply.bind(store.ledger);
    Object.assign(store.ledger, {
      apply: (batch: Parameters<typeof apply>[0]) =>
        batch.pages.some(({ resultId }) => resultId.endsWith('p1'))
          ? Promise.reject(Object.assign(new Error('invalid input'), { code: '22P02' }))
          : apply(batch),
    });
    await produce(pages(1, 0), pages(1, 1), pages(1, 2), finished(1));
    await start();
    expect(appliedPages()).toEqual([`${id(1)}/0/p0`, `${id(1)}/0/p2`]);
    expect([...letters.keys()]).toEqual(['dead-letters/step-results/0/1']);
    expect(signals('job.final')).toEqual([id(1)]);
    expect(store.applied.at(-1)?.nextOffset).toBe(4n);
  });
});

describe('a batch that fails for another reason', () => {
  it('comes again, whole: nothing is taken for a dead letter', async () => {
    const apply = store.ledger.apply.bind(store.ledger);
    let failures = 3;
    Object.assign(store.ledger, {
      apply: (batch: Parameters<typeof apply>[0]) =>
        failures-- > 0 ? Promise.reject(Object.assign(new Error('away'), { code: 'ECONNREFUSED' })) : apply(batch),
    });
    await produce(pages(1, 0), pages(1, 1));
    await start();
    expect([appliedPages().length, letters.size]).toEqual([2, 0]);
    expect(told).toEqual(['failed: away', 'failed: away', 'failed: away']);
  });
});

describe('a partition that another member moved on', () => {
  const moveTo = async (offset: bigint): Promise<void> => {
    const nothing = { pages: [], generators: [], finished: [], errors: [] };
    const position = (await store.ledger.position('step-results', 'errors', 0)) ?? 0n;
    await store.ledger.apply({
      topic: 'step-results',
      group: 'errors',
      partition: 0,
      firstOffset: position,
      nextOffset: offset,
      ...nothing,
    });
  };

  it('is refused, and reading goes on at the stored position', async () => {
    await start();
    await produce(pages(1, 0));
    await moveTo(2n);
    await produce(pages(1, 1), pages(1, 2));
    expect(appliedPages()).toEqual([`${id(1)}/0/p0`, `${id(1)}/0/p2`]);
    expect(told).toEqual(['moved']);
  });

  it('beyond the whole batch leaves nothing to do', async () => {
    await start();
    await produce(pages(1, 0));
    await moveTo(3n);
    await produce(pages(1, 1), pages(1, 2));
    expect(appliedPages()).toEqual([`${id(1)}/0/p0`]);
  });
});

describe('a commit whose answer was lost', () => {
  it('is not repeated', async () => {
    const apply = store.ledger.apply.bind(store.ledger);
    let isFirst = true;
    Object.assign(store.ledger, {
      apply: async (batch: Parameters<typeof apply>[0]) => {
        const outcome = await apply(batch);
        if (isFirst) {
          isFirst = false;
          throw new Error('connection lost');
        }
        return outcome;
      },
    });
    await produce(pages(1, 0));
    await start();
    await produce(pages(1, 1));
    expect(appliedPages()).toEqual([`${id(1)}/0/p0`, `${id(1)}/0/p1`]);
  });
});
