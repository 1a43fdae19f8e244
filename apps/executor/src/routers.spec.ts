import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { compileFlow, runPage, type FlowPlan } from '#engine';
import type { JsonValue, Router } from '#model';
import { eventually } from '#testing/eventually';
import { TestCluster } from './testing/test-cluster.js';
import { ids, numbered, TestApps, testPlan, type Submitted } from './testing/test-flow.js';

const [left, right, third] = [ids.import, ids.secondImport, 'b3'.padEnd(24, '0')];
const numberOf = (record: JsonValue): number => (record as { n: number }).n;
const step = (importId: string) => ({ type: 'import' as const, _importId: importId });
const below = (n: number) => ({ version: '1', rules: ['lessthan', ['extract', 'n'], n] });

function routedPlan(mode: Router['routeRecordsTo']): FlowPlan {
  const routers: Router[] = [
    {
      id: 'parts',
      routeRecordsTo: mode,
      branches: [
        { name: 'low', inputFilter: below(120), pageProcessors: [step(left)], nextRouterId: 'merge' },
        { name: 'middle', inputFilter: below(150), pageProcessors: [step(right)], nextRouterId: 'merge' },
        { name: 'away', inputFilter: below(170) },
      ],
    },
    { id: 'merge', branches: [{ name: 'all', pageProcessors: [step(third)] }] },
  ];
  return testPlan((plan) => ({
    ...plan,
    flow: { ...plan.flow, pageProcessors: [], routers },
    exports: { [ids.export]: { ...plan.exports[ids.export]!, pageSize: 7 } },
    imports: { ...plan.imports, [third]: { ...plan.imports[left]!, _id: third } },
  }));
}

describe('pages in branches', () => {
  let apps: TestApps;
  let cluster: TestCluster;

  beforeEach(() => {
    apps = new TestApps();
    apps.records = numbered(200);
    cluster = new TestCluster(apps, { compileFlow, runPage });
  });
  afterEach(() => cluster.close());

  const delivered = (importId: string): number[] =>
    apps.submitted
      .filter(({ stepId }) => stepId === importId)
      .flatMap(({ records }) => records.map(numberOf))
      .toSorted((a, b) => a - b);
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  /** What a destination can tell requests apart by; the records of a request never differ under one name. */
  const nameOf = ({ stepId, page, copy, indices }: Submitted): string => `${stepId}/${page}/${copy}/${indices.join()}`;
  const isBalanced = (): void => {
    const { generated, forked, finished } = cluster.ledger();
    expect(finished).toBe(generated + forked);
  };

  it('go to the first branch that matches, and meet again behind a merge', async () => {
    await cluster.executor();
    await cluster.startRun(routedPlan('first_matching_branch'));
    await cluster.drained();
    expect(delivered(left)).toEqual(range(0, 120));
    expect(delivered(right)).toEqual(range(120, 150));
    expect(delivered(third)).toEqual(range(0, 150));
    expect(cluster.routed(0)).toEqual({ branches: [120, 30, 20], ignore: 30, error: 0 });
    expect(cluster.routed(1)).toEqual({ branches: [150], ignore: 0, error: 0 });
    isBalanced();
  });

  it('go to every branch that matches, each copy by itself (decision 8), each request under a name of its own', async () => {
    await cluster.executor();
    await cluster.startRun(routedPlan('all_matching_branches'));
    await cluster.drained();
    expect([delivered(left), delivered(right)]).toEqual([range(0, 120), range(0, 150)]);
    expect(delivered(third)).toEqual([...range(0, 120), ...range(0, 150)].toSorted((a, b) => a - b));
    expect(cluster.routed(0)).toEqual({ branches: [120, 150, 170], ignore: 30, error: 0 });
    expect(cluster.counts(third)).toEqual({ success: 270, error: 0, ignore: 0 });
    expect(new Set(apps.submitted.map(nameOf)).size).toBe(apps.submitted.length);
    isBalanced();
  });

  it('give each failing copy of a record an error of its own', async () => {
    apps.refuse = (record) => numberOf(record) === 5;
    await cluster.executor();
    const plan = routedPlan('all_matching_branches');
    const routers = plan.flow.routers!.map((router) => ({
      ...router,
      branches: router.branches.map((branch) => ({
        ...branch,
        pageProcessors: branch.pageProcessors?.map((processor) => ({ ...processor, proceedOnFailure: true })),
      })),
    }));
    await cluster.startRun({ ...plan, flow: { ...plan.flow, routers } });
    await cluster.drained();
    expect(cluster.errors.map(({ stepId }) => stepId).toSorted()).toEqual([left, right, third, third].toSorted());
    expect(cluster.counts(third)).toEqual({ success: 268, error: 2, ignore: 0 });
  });

  it('count what cannot be routed for the generator, once', async () => {
    const plan = routedPlan('first_matching_branch');
    const rules = ['matches', 'text', ['extract', 'pattern']];
    const routers: Router[] = [
      { id: 'r', branches: [{ name: 'x', inputFilter: { rules }, pageProcessors: [step(left)] }] },
    ];
    apps.records = [
      { n: 0, pattern: 'text' },
      { n: 1, pattern: '(' },
      { n: 2, pattern: '[' },
    ];
    await cluster.executor();
    await cluster.startRun({ ...plan, flow: { ...plan.flow, routers } });
    await cluster.drained();
    expect(delivered(left)).toEqual([0]);
    expect(cluster.routed(0)).toEqual({ branches: [1], ignore: 0, error: 2 });
    expect(cluster.counts(ids.export)).toEqual({ success: 0, error: 2, ignore: 0 });
    expect(cluster.errors).toMatchObject(
      [1, 2].map((index) => ({
        stepId: ids.export,
        index,
        stage: 'router',
        routerId: 'r',
        failure: { source: 'routing' },
        retryRecord: apps.records[index],
      })),
    );
  });

  it.each<[string, Router['routeRecordsTo'], string]>([
    ['before the pages of a fork are published', 'first_matching_branch', left],
    ['before the pages of a fork are published', 'all_matching_branches', left],
    ['behind a merge', 'all_matching_branches', third],
  ])('are neither lost nor multiplied when an executor dies %s (%s)', async (_, mode, hangingAt) => {
    let release = (): void => undefined;
    const stuck = new Promise<void>((resolve) => (release = resolve));
    let hanging = 0;
    apps.beforeSubmit = async ({ stepId }) => {
      if (stepId !== hangingAt || hanging >= 3) return;
      hanging += 1;
      await stuck;
    };
    const first = await cluster.executor('executor-1');
    await cluster.startRun(routedPlan(mode));
    await eventually('pages hang', () => hanging === 3);
    first.kill();
    await cluster.executor('executor-2');
    await cluster.drained();
    const copies = mode === 'all_matching_branches' ? 270 : 150;
    expect(cluster.counts(third)).toEqual({ success: copies, error: 0, ignore: 0 });
    expect(cluster.counts(left)).toEqual({ success: 120, error: 0, ignore: 0 });
    expect(cluster.routed(0).ignore).toBe(30);
    expect(cluster.routed(1)).toEqual({ branches: [copies], ignore: 0, error: 0 });
    isBalanced();
    // What was sent again went under its first name (P2).
    const byName = Map.groupBy(apps.submitted, nameOf);
    const once = [...byName.values()].flatMap(([submitted]) => submitted!.records.length);
    const expected = copies + 120 + (mode === 'all_matching_branches' ? 150 : 30);
    expect(once.reduce((sum, n) => sum + n, 0)).toBe(expected);
    release();
  });
});
