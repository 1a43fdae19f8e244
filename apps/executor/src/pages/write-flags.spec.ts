import { describe, expect, it } from '@jest/globals';
import type { PageHeader } from '#contracts';
import type { ImportOutcome, PageRecord, PageRun, PreparedRecord, RecordFailure, RunContext } from '#engine';
import { CallLog } from '../workers/call-log.js';
import type { LoadedPlan } from '../workers/loaded-plan.js';
import { LoadedRun } from '../workers/run-contexts.js';
import type { RunSpec } from '../workers/protocol.js';
import { flagWriting } from './write-flags.js';

const exportId = 'e'.repeat(24);
const records: readonly PageRecord[] = [
  { index: 0, record: { id: 10 } },
  { index: 1, record: { id: 11 }, traceKey: 'T11' },
  { index: 4, record: { id: 14 } },
];
const done: PageRun = {
  counts: [{ stepId: 'i', success: 3, error: 0, ignore: 0 }],
  failures: [],
  continuations: [],
  interrupted: false,
};
const failedAt = (index: number, more: Partial<RecordFailure> = {}): RecordFailure => ({
  stepId: 'i',
  index,
  failure: { code: '422', message: 'no', source: 'application' },
  traceKey: '',
  retryRecord: { id: 10 + index },
  stage: 'page_processor_import',
  ...more,
});

/** What a page of the three records makes of its flags. */
async function flagged(
  outcome: PageRun,
  answer: (record: PreparedRecord, run: LoadedRun) => ImportOutcome = () => ({ statusCode: 200 }),
) {
  const run = new LoadedRun({ runId: 'r' } as RunSpec, () => 0);
  const marked: PreparedRecord[] = [];
  const submit = async (_: unknown, some: readonly PreparedRecord[]): Promise<readonly ImportOutcome[]> => {
    marked.push(...some);
    return some.map((record) => answer(record, run));
  };
  const step = { stepId: exportId, port: { submit }, connection: {}, settings: {} };
  const loaded = { flagWriters: new Map([[exportId, step]]) } as unknown as LoadedPlan;
  const task = { header: { exportId } as PageHeader, traceparent: undefined };
  const write = flagWriting(task, loaded, run, {} as RunContext, new CallLog());
  const result = await write!({ generator: exportId, page: 0, copy: 2 }, records, outcome);
  return { marked, result, ids: marked.map(({ index }) => index) };
}

describe('flags of a page (runtime §3, once)', () => {
  it('are written for all of its records when none goes on, rendered over the record as the page has it', async () => {
    const { marked, result } = await flagged(done);
    expect(marked).toEqual(records.map(({ index, record }) => ({ index, record, mapped: record })));
    expect(result).toBe(done);
  });

  it.each<[string, PageRun, readonly number[]]>([
    [
      'go on, in whatever branch',
      {
        ...done,
        continuations: [
          { position: 2, records: [records[0]!] },
          { position: 3, copy: 1, records: [records[0]!] },
        ],
      },
      [1, 4],
    ],
    ['failed without retry data', { ...done, failures: [failedAt(4, { retryRecord: null })] }, [0, 1]],
    ['were not sent, because of a cancel', { ...done, interrupted: true }, []],
  ])('are not written of records that %s', async (_, outcome, ids) => {
    expect((await flagged(outcome)).ids).toEqual(ids);
  });

  it.each<[string, RecordFailure]>([
    ['failed and can be retried', failedAt(1)],
    ['has a warning, such as that of failed children', failedAt(1, { retryRecord: null, warning: true })],
  ])('are written of a record that %s', async (_, failure) => {
    expect((await flagged({ ...done, failures: [failure] })).ids).toEqual([0, 1, 4]);
  });

  it('that cannot be written are errors of the generator, with nothing to run again', async () => {
    const { result } = await flagged(done, ({ index }) => (index === 1 ? { statusCode: 500 } : { statusCode: 200 }));
    expect(result.counts).toEqual([...done.counts, { stepId: exportId, success: 0, error: 1, ignore: 0 }]);
    expect(result.failures).toMatchObject([
      {
        stepId: exportId,
        copy: 2,
        index: 1,
        failure: { code: '500', source: 'application' },
        traceKey: 'T11',
        retryRecord: null,
        stage: 'page_generator',
      },
    ]);
  });

  it('that a cancel breaks off are no errors', async () => {
    const { result } = await flagged(done, (_, run) => {
      run.cancel();
      throw new DOMException('canceled', 'AbortError');
    });
    expect(result).toBe(done);
  });

  it('are errors, not those of the import, where writing them breaks', async () => {
    const { result } = await flagged(done, () => {
      throw new Error('a bug');
    });
    expect(result.counts).toContainEqual({ stepId: exportId, success: 0, error: 3, ignore: 0 });
    expect(result.counts).toContainEqual(done.counts[0]);
  });

  it('are of exports of type once only', () => {
    const loaded = { flagWriters: new Map() } as unknown as LoadedPlan;
    const task = { header: { exportId } as PageHeader, traceparent: undefined };
    const run = new LoadedRun({ runId: 'r' } as RunSpec, () => 0);
    expect(flagWriting(task, loaded, run, {} as RunContext, new CallLog())).toBeNull();
  });
});
