import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FolderBlobs } from '#blobs/folder/index';
import { createEmbeddedBus, type EmbeddedBus } from '#bus/embedded/index';
import { adaptorFor } from '#connectors/registry';
import { stepResult, type StepResult } from '#contracts';
import { compileFlow, runPage, type FlowPlan } from '#engine';
import { noFunctions } from '#engine/testing/contexts';
import { newId } from '#model';
import { createPostgresStore } from '#store/postgres/index';
import type { Store } from '#store';
import { EmbeddedStream } from '#stream/embedded/index';
import { silentLogger } from '#telemetry';
import { eventually } from '#testing/eventually';
import { FakeApp } from '#testing/fake-app';
import { createTestDatabase } from '#testing/postgres';
import { createExecutor, type Executor } from './executor.js';
import { firstSliceMessage } from './generate/slice-publisher.js';
import { executorSettings } from './settings.js';
import { systemClock } from './system-clock.js';
import { InThreadPool } from './workers/in-thread-pool.js';

const total = 500;
const pageSize = 20;
const leaseMs = 2_000;

const closers: (() => Promise<unknown>)[] = [];
let databaseUrl: string;
let folder: string;
let store: Store;
let stream: EmbeddedStream;
let source: FakeApp;
let sink: FakeApp;

async function opened<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
  const thing = await opening;
  closers.push(() => thing.close());
  return thing;
}

beforeEach(async () => {
  const database = await createTestDatabase();
  closers.push(() => database.drop());
  databaseUrl = database.url;
  folder = await mkdtemp(join(tmpdir(), 'executor-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  store = await opened(createPostgresStore({ connectionString: databaseUrl, poolSize: 4 }));
  stream = await opened(EmbeddedStream.open({ databaseUrl }));
  source = await opened(
    FakeApp.start(({ query }) => {
      const page = Number(query.get('page'));
      const records = Array.from({ length: 50 }, (_, i) => ({ id: page * 50 + i, name: `record ${i}` }));
      return { body: page * 50 >= total ? [] : records };
    }),
  );
  sink = await opened(FakeApp.start(() => ({ status: 200, body: {} })));
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** One executor process: its own connections, and a death of its own. */
async function startExecutor(name: string): Promise<{ executor: Executor; bus: EmbeddedBus }> {
  const bus = await createEmbeddedBus({
    connectionString: databaseUrl,
    name,
    maxConnections: 3,
    reportError: () => undefined,
  });
  const settings = executorSettings({ instance: name, workers: 1, leaseMs, egressAllow: ['127.0.0.0/8'] });
  const pool = new InThreadPool(
    1,
    { compileFlow, runPage, adaptorFor, functionsOf: () => noFunctions },
    { settings, clock: systemClock, random: Math.random },
  );
  const executor = createExecutor({
    bus,
    stream,
    store,
    blobs: await FolderBlobs.open({ folder }),
    settings,
    pool,
    clock: systemClock,
    logger: silentLogger,
  });
  await executor.start();
  closers.push(() => bus.close());
  closers.push(() => executor.drain(500));
  return { executor, bus };
}

interface Run {
  readonly runId: string;
  readonly importId: string;
  outstanding(): Promise<number>;
  results(): Promise<readonly StepResult[]>;
}

async function startRun(): Promise<Run> {
  const [accountId, flowId, exportId, importId, from, to, runId] = Array.from({ length: 7 }, () => newId());
  const connection = (_id: string, baseURI: string) => ({
    _id,
    name: baseURI,
    type: 'http',
    http: { baseURI, mediaType: 'json', formType: 'http' },
  });
  const plan = {
    flow: {
      _id: flowId,
      name: 'copy',
      pageGenerators: [{ _exportId: exportId }],
      pageProcessors: [{ type: 'import', _importId: importId }],
    },
    exports: {
      [exportId!]: {
        _id: exportId,
        name: 'records',
        adaptorType: 'HTTPExport',
        _connectionId: from,
        pageSize,
        http: {
          method: 'GET',
          relativeURI: '/records?page={{export.http.paging.page}}',
          paging: { method: 'page', page: 0 },
        },
      },
    },
    imports: {
      [importId!]: {
        _id: importId,
        name: 'records',
        adaptorType: 'HTTPImport',
        _connectionId: to,
        http: { method: ['POST'], relativeURI: ['/records'], requestMediaType: 'json', batchSize: pageSize },
      },
    },
    connections: { [from!]: connection(from!, source.url), [to!]: connection(to!, sink.url) },
    settings: {},
  } as unknown as FlowPlan;
  const planId = `plan-${runId}`;
  await store.plans.put(planId, accountId!, plan);
  await store.jobs.enqueue({
    jobId: runId!,
    accountId: accountId!,
    flowId: flowId!,
    integrationId: null,
    triggeredBy: 'manual',
    userId: null,
    traceId: null,
    request: {},
  });
  await store.jobs.start(runId!, planId, [
    { jobId: newId(), type: 'export', stepId: exportId!, oIndex: 0 },
    { jobId: newId(), type: 'import', stepId: importId!, oIndex: 1 },
  ]);
  const bus = await opened(createEmbeddedBus({ connectionString: databaseUrl, maxConnections: 2 }));
  await bus.publish([
    firstSliceMessage(
      { runId: runId!, accountId: accountId!, flowId: flowId!, planId, exportId: exportId!, ordinal: 0 },
      undefined,
    ),
  ]);
  return {
    runId: runId!,
    importId: importId!,
    outstanding: async () => (await bus.outstanding(runId!)).total,
    results: readResults,
  };
}

/** Everything on the topic so far. */
async function readResults(): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  const reader = await stream.consume({ topic: 'step-results', group: `test-${newId()}` }, async ({ events }) => {
    results.push(...events.map(({ value }) => stepResult.decode(value)));
  });
  await eventually('the generator is reported as done', () =>
    results.some((result) => result.kind === 'generator' && result.state === 'done'),
  );
  await reader.drain();
  return results;
}

/** Sums what the ledger would: each result once, totals by the highest slice. */
function summary(results: readonly StepResult[], importId: string) {
  const pages = new Map(results.flatMap((r) => (r.kind === 'pages' ? [[r.resultId, r] as const] : [])));
  const head = results
    .filter((r) => r.kind === 'generator')
    .toSorted((a, b) => a.slice - b.slice || Number(a.state !== 'reading') - Number(b.state !== 'reading'))
    .at(-1);
  const steps = [...pages.values()].flatMap((r) => r.steps).filter(({ stepId }) => stepId === importId);
  return {
    state: head?.state,
    records: head?.totals.records,
    generated: head?.totals.pages,
    finished: [...pages.values()].reduce((sum, r) => sum + r.pages, 0),
    success: steps.reduce((sum, { success }) => sum + success, 0),
    error: steps.reduce((sum, { error }) => sum + error, 0),
  };
}

const sent = (): number[] => sink.requests.flatMap(({ json }) => (json as { id: number }[]).map(({ id }) => id));

describe('an executor on embedded bus, stream and store', () => {
  it('copies from HTTP to HTTP: every record once, counts exact', async () => {
    await startExecutor('executor-1');
    const run = await startRun();
    await eventually('nothing is outstanding', async () => (await run.outstanding()) === 0);
    expect(sent().toSorted((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, id) => id));
    expect(summary(await run.results(), run.importId)).toEqual({
      state: 'done',
      records: total,
      generated: total / pageSize,
      finished: total / pageSize,
      success: total,
      error: 0,
    });
  });

  it.each(['before its results are produced', 'between its results and the acknowledgement'])(
    'loses nothing when it dies %s, and repeats requests under the same idempotency key (P1, P2, P3)',
    async (when) => {
      const { bus } = await startExecutor('executor-1');
      let isDead = false;
      const produce = stream.produce.bind(stream);
      const die = (): Promise<never> => {
        isDead = true;
        void bus.abandon();
        return new Promise(() => undefined);
      };
      stream.produce = async (topic, events) => {
        const isPage = events.some(({ value }) => stepResult.decode(value).kind === 'pages');
        if (isDead || !isPage) return produce(topic, events);
        if (when.startsWith('between')) await produce(topic, events);
        stream.produce = produce;
        return die();
      };
      const run = await startRun();
      await eventually('the first executor died', () => isDead);
      await startExecutor('executor-2');
      await eventually('nothing is outstanding', async () => (await run.outstanding()) === 0);

      expect(new Set(sent()).size).toBe(total);
      const keysByFirstId = new Map<number, Set<unknown>>();
      for (const { json, headers } of sink.requests) {
        const [first] = json as { id: number }[];
        const keys = keysByFirstId.get(first!.id) ?? new Set();
        keysByFirstId.set(first!.id, keys.add(headers['idempotency-key']));
      }
      expect(keysByFirstId.size).toBe(total / pageSize);
      for (const keys of keysByFirstId.values()) expect(keys.size).toBe(1);
      expect(summary(await run.results(), run.importId)).toEqual({
        state: 'done',
        records: total,
        generated: total / pageSize,
        finished: total / pageSize,
        success: total,
        error: 0,
      });
    },
  );
});
