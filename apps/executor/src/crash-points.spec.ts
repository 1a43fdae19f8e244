import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PageRun, RunPage } from '#engine';
import { eventually } from '#testing/eventually';
import { TestCluster, type TestExecutor } from './testing/test-cluster.js';
import { ids, linearEngine, numbered, TestApps, testPlan } from './testing/test-flow.js';

/** What becomes of a record at the first of two imports. */
type Fate = 'goes on' | 'ignored' | 'failed';
/** Fates of a page's records, by the number of the try: what a lookup, a filter script or a destination answers may differ. */
type Answers = readonly [first: (n: number) => Fate, second: (n: number) => Fate];

const all = (fate: Fate) => () => fate;
const even = (yes: Fate, no: Fate) => (n: number) => (n % 2 === 0 ? yes : no);

const answers: readonly (readonly [string, Answers])[] = [
  ['all go on both times', [all('goes on'), all('goes on')]],
  ['some go on, others the second time', [even('goes on', 'ignored'), even('ignored', 'goes on')]],
  ['none goes on, all the second time', [all('ignored'), all('goes on')]],
  ['all go on, none the second time', [all('goes on'), all('ignored')]],
  ['some fail, others the second time', [even('goes on', 'failed'), even('failed', 'goes on')]],
  ['all fail, none the second time', [all('failed'), all('goes on')]],
  ['none fails, all the second time', [all('goes on'), all('failed')]],
];

/** Where an executor dies on its way from a page to the page's acknowledgement, in this order. */
type CrashPoint = 'before the destination' | 'behind the destination' | 'behind the decision' | 'behind the result';

const crashPoints: readonly CrashPoint[] = [
  'before the destination',
  'behind the destination',
  'behind the decision',
  'behind the result',
];

/** What a try makes of the page. */
interface Fates {
  readonly counts: { readonly success: number; readonly error: number; readonly ignore: number };
  readonly failed: readonly number[];
  readonly arrived: readonly number[];
}

function fatesOf(fateOf: Answers[number]): Fates {
  const of = (fate: Fate): number[] => numbered(10).flatMap(({ n }) => (fateOf(n) === fate ? [n] : []));
  const [arrived, failed] = [of('goes on'), of('failed')];
  return { counts: { success: arrived.length, error: failed.length, ignore: of('ignored').length }, failed, arrived };
}

const numberOf = (record: unknown): number => (record as { n: number }).n;
const byNumber = (a: number, b: number): number => a - b;
const never = new Promise<never>(() => undefined);
const firstPage = `${ids.run}/0/p0`;

describe('an executor that dies with a page that may go on', () => {
  let apps: TestApps;
  let cluster: TestCluster;
  let tries: number;
  let answered: Answers;

  const runPage: RunPage = async (flow, position, page, records, run, effects) => {
    if (position !== 0) return linearEngine.runPage(flow, position, page, records, run, effects);
    tries += 1;
    const fateOf = answered[Math.min(tries, 2) - 1]!;
    const outcome = await linearEngine.runPage(flow, position, page, records, run, effects);
    const by = Object.groupBy(records, ({ record }) => fateOf(numberOf(record)));
    const { failed = [], ignored = [], 'goes on': onward = [] } = by;
    return {
      ...outcome,
      counts: [{ stepId: ids.import, success: onward.length, error: failed.length, ignore: ignored.length }],
      failures: failed.map(({ index, record }): PageRun['failures'][number] => ({
        stepId: ids.import,
        index,
        failure: { code: 'refused', message: 'refused', source: 'application' },
        traceKey: '',
        retryRecord: record,
        stage: 'page_processor_import',
      })),
      continuations: onward.length === 0 ? [] : [{ position: 1, records: onward }],
    };
  };

  beforeEach(() => {
    tries = 0;
    apps = new TestApps();
    apps.records = numbered(10);
    cluster = new TestCluster(apps, { compileFlow: (plan) => linearEngine.compileFlow(plan), runPage });
  });
  afterEach(() => cluster.close());

  const twoImports = testPlan((plan) => ({
    ...plan,
    exports: { [ids.export]: { ...plan.exports[ids.export]!, pageSize: 10 } },
    flow: {
      ...plan.flow,
      pageProcessors: [
        { type: 'import', _importId: ids.import },
        { type: 'import', _importId: ids.secondImport },
      ],
    },
  }));

  /** @returns resolves when the executor is dead */
  function dieAt(point: CrashPoint, executor: TestExecutor): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const die = (): Promise<never> => {
      executor.kill();
      resolve();
      return never;
    };
    const once = { isArmed: true };
    const disarm = (): boolean => once.isArmed && !(once.isArmed = false);
    const { bus } = executor;
    const worker = executor.pool.worker(0);
    const runBundle = worker.runBundle.bind(worker);
    const publishAtomic = bus.publishAtomic.bind(bus);
    const produce = cluster.stream.produce.bind(cluster.stream);
    switch (point) {
      case 'before the destination':
        apps.beforeSubmit = async () => (disarm() ? die() : undefined);
        break;
      case 'behind the destination':
        worker.runBundle = async (task) => {
          const reply = await runBundle(task);
          return reply.kind === 'bundle' && disarm() ? die() : reply;
        };
        break;
      case 'behind the decision':
        bus.publishAtomic = async (messages) => {
          const outcome = await publishAtomic(messages);
          return messages.some(({ id }) => id.startsWith(`${firstPage}@`)) && disarm() ? die() : outcome;
        };
        break;
      case 'behind the result':
        cluster.stream.produce = async (topic, events) => {
          await produce(topic, events);
          const isOfPage = events.some(({ value }) => Buffer.from(value).includes(`"resultId":"${firstPage}"`));
          if (isOfPage && disarm()) await die();
        };
        break;
    }
    return promise;
  }

  describe.each(crashPoints)('%s', (point) => {
    it.each(answers)('leaves one try that counts and goes on, whole: %s', async (_, given) => {
      answered = given;
      const dead = dieAt(point, await cluster.executor('executor-1'));
      await cluster.startRun(twoImports);
      await dead;
      await cluster.executor('executor-2');
      await cluster.drained();

      const { generated, forked, finished } = cluster.ledger();
      expect(finished).toBe(generated + forked);
      expect(cluster.generator()).toMatchObject({ state: 'done', totals: { pages: 1, records: 10 } });
      // Counts, errors and what arrived are those of one try (P3), whichever it was.
      const arrived = apps.submitted
        .filter(({ stepId }) => stepId === ids.secondImport)
        .flatMap(({ records }) => records.map(numberOf));
      const happened: Fates = {
        counts: cluster.counts(ids.import),
        failed: cluster.errors.map(({ retryRecord }) => numberOf(retryRecord)).toSorted(byNumber),
        arrived: [...new Set(arrived)].toSorted(byNumber),
      };
      expect(given.map(fatesOf)).toContainEqual(happened);
      expect(cluster.counts(ids.secondImport)).toEqual({ success: happened.arrived.length, error: 0, ignore: 0 });
    });
  });

  it('is given up by the next try, too often delivered, without a word against what went on before', async () => {
    answered = [all('goes on'), all('goes on')];
    const dead = dieAt('behind the decision', await cluster.executor('executor-1'));
    await cluster.startRun(twoImports);
    await dead;
    await cluster.executor('executor-2', { maxAttempts: 1 });
    await cluster.drained();
    expect(cluster.counts(ids.import)).toEqual({ success: 10, error: 0, ignore: 0 });
    expect(cluster.ledger()).toMatchObject({ forked: 1, finished: 2 });
    expect(cluster.errors).toEqual([]);
  });

  it('while its result is on its way, and the page that goes on is done by then, loses nothing', async () => {
    answered = [all('goes on'), all('ignored')];
    const dying = await cluster.executor('executor-1');
    const produce = cluster.stream.produce.bind(cluster.stream);
    cluster.stream.produce = async (topic, events) => {
      const resultIds = events.map(({ value }) => String(JSON.parse(Buffer.from(value).toString())['resultId']));
      const isUnderWay = resultIds.includes(firstPage) && !resultIds.includes(`${firstPage}@0`);
      await (isUnderWay ? never : produce(topic, events));
    };
    await cluster.startRun(twoImports);
    await eventually('only the page itself is left', () => {
      const held = cluster.broker.messages.map(({ id }) => id);
      return apps.submitted.length === 2 && held.length === 1 && held[0] === firstPage;
    });
    dying.kill();
    cluster.stream.produce = produce;
    await cluster.executor('executor-2');
    await cluster.drained();
    expect(cluster.counts(ids.import)).toEqual({ success: 10, error: 0, ignore: 0 });
    expect(cluster.ledger()).toEqual({ generated: 1, forked: 1, finished: 2 });
    expect(cluster.generator()).toMatchObject({ state: 'done' });
  });
});
