import { describe, expect, it } from '@jest/globals';
import type { Branch, Flow, JsonValue, PageProcessor, Router } from '#model';
import type { FunctionOutcome, FunctionReference, Functions } from '../functions.js';
import type {
  CompiledFlow,
  Effects,
  FlowPlan,
  PageIdentity,
  PageRecord,
  PageRun,
  PreparedRecord,
  RouterCounts,
} from '../program.js';
import { noFunctions, runContext } from '../testing/contexts.js';
import { compileFlow } from './compile-flow.js';
import { runPage } from './run-page.js';

const generator = 'e'.repeat(24);
const lookup = '0'.repeat(24);
const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(24)) as [string, string, string];

const into = (id: string): PageProcessor => ({ type: 'import', _importId: id });
const find: PageProcessor = { type: 'export', _exportId: lookup };
const over = (n: number) => ({ version: '1', rules: ['greaterthan', ['extract', 'n'], n] });

function branch(name: string, change: Partial<Branch> = {}): Branch {
  return { name, ...change };
}

function planOf(routers: readonly Router[], flow: Partial<Flow> = {}): FlowPlan {
  const document = (_id: string) => ({ _id, name: _id });
  return {
    flow: {
      _id: 'f'.repeat(24),
      name: 'flow',
      pageGenerators: [{ _exportId: generator }],
      routers: [...routers],
      ...flow,
    },
    exports: { [generator]: document(generator), [lookup]: { ...document(lookup), isLookup: true } },
    imports: { [a]: document(a), [b]: document(b), [c]: document(c) },
    connections: {},
    settings: { flow: { limit: 2 } },
    scripts: { ['5'.repeat(24)]: { content: '', postResponseHookToProcessOnChildRecord: false } },
  };
}

function compiled(routers: readonly Router[], flow: Partial<Flow> = {}): CompiledFlow {
  const result = compileFlow(planOf(routers, flow));
  if ('failures' in result) throw new Error(JSON.stringify(result.failures));
  return result;
}

interface Sent {
  readonly stepId: string;
  readonly page: PageIdentity;
  readonly ns: readonly unknown[];
}

class World implements Effects {
  readonly sent: Sent[] = [];
  isOver = false;
  constructor(readonly functions: Functions = noFunctions) {}
  async submit(stepId: string, page: PageIdentity, records: readonly PreparedRecord[]) {
    this.sent.push({ stepId, page, ns: records.map(({ mapped }) => (mapped as { n: unknown }).n) });
    return records.map(() => ({ statusCode: 200 }));
  }
  async lookup(stepId: string, page: PageIdentity, records: readonly PreparedRecord[]) {
    this.sent.push({ stepId, page, ns: records.map(({ mapped }) => (mapped as { n: unknown }).n) });
    return records.map(() => ({ statusCode: 200, data: [] }));
  }
  resolveLookups(): Promise<never> {
    return Promise.reject(new Error('These flows have no dynamic lookups.'));
  }
  isCanceled() {
    return this.isOver;
  }
}

const recordsOf = (...ns: readonly JsonValue[]): PageRecord[] => ns.map((n, index) => ({ index, record: { n } }));
const indices = (records: readonly PageRecord[]) => records.map(({ index }) => index);

/** Runs a page and everything that goes on from it, as the executor does. */
async function runThrough(flow: CompiledFlow, records: readonly PageRecord[], world: World): Promise<PageRun[]> {
  const runs: PageRun[] = [];
  const waiting: PageRun['continuations'][number][] = [{ position: flow.program.entry, records }];
  for (const { position, copy, records: part } of waiting) {
    const page = { generator, page: 7, ...(copy === undefined ? {} : { copy }) };
    const run = await runPage(flow, position, page, part, runContext(), world);
    runs.push(run);
    waiting.push(...run.continuations);
  }
  return runs;
}

function routed(runs: readonly PageRun[], router: number): Omit<RouterCounts, 'router'> {
  const sum = { success: 0, error: 0, ignore: 0, branches: [] as number[] };
  for (const counts of runs.flatMap(({ routers }) => routers ?? [])) {
    if (counts.router !== router) continue;
    sum.success += counts.success;
    sum.error += counts.error;
    sum.ignore += counts.ignore;
    counts.branches.forEach((n, at) => (sum.branches[at] = (sum.branches[at] ?? 0) + n));
  }
  return sum;
}

describe('a program with routers', () => {
  it('holds every step once, also behind a merge, and what nothing leads to not at all', () => {
    const flow = compiled([
      {
        id: 'entry',
        branches: [
          branch('one', { pageProcessors: [find, into(a)], nextRouterId: 'merge' }),
          branch('two', { nextRouterId: 'merge' }),
          branch('away'),
        ],
      },
      { id: 'nowhere', branches: [branch('x', { pageProcessors: [into(b)] })] },
      { id: 'merge', branches: [branch('all', { pageProcessors: [into(c)] })] },
    ]);
    expect(flow.program.entry).toBe(0);
    expect(flow.program.instructions).toMatchObject([
      {
        op: 'fork',
        routerId: 'entry',
        router: { index: 0, branches: [{ position: 1 }, { position: 3 }, { position: 5 }] },
      },
      { op: 'lookup', stepId: lookup, next: 2 },
      { op: 'import', stepId: a, next: 3 },
      { op: 'fork', routerId: 'merge', router: { index: 2, branches: [{ position: 4 }] } },
      { op: 'import', stepId: c, next: 5 },
      { op: 'end' },
    ]);
    expect(flow.stepIds).toEqual([generator, lookup, a, c]);
  });

  it.each<[string, readonly Router[], Partial<Flow>, string]>([
    ['leads back', [{ id: 'r', branches: [branch('x', { nextRouterId: 'r' })] }], {}, 'invalid_flow'],
    ['has steps beside its routers', [{ id: 'r', branches: [] }], { pageProcessors: [into(a)] }, 'invalid_flow'],
    [
      'has a malformed filter',
      [{ id: 'r', branches: [branch('x', { inputFilter: { rules: ['like', 1, 2] } })] }],
      {},
      'invalid_value',
    ],
    ['routes by no script', [{ id: 'r', routeRecordsUsing: 'script', branches: [] }], {}, 'invalid_flow'],
    [
      'routes by a script that does not exist',
      [{ id: 'r', routeRecordsUsing: 'script', script: { _scriptId: '6'.repeat(24), function: 'f' }, branches: [] }],
      {},
      'invalid_flow',
    ],
    [
      'routes by a function in a stack that does not exist',
      [{ id: 'r', routeRecordsUsing: 'script', script: { _stackId: '6'.repeat(24), function: 'f' }, branches: [] }],
      {},
      'invalid_flow',
    ],
    [
      'has a step that does not exist',
      [{ id: 'r', branches: [branch('x', { pageProcessors: [into('9'.repeat(24))] })] }],
      {},
      'invalid_flow',
    ],
  ])('is refused when it %s', (_, routers, flow, code) => {
    expect(compileFlow(planOf(routers, flow))).toMatchObject({ failures: [{ code }] });
  });
});

describe('a router (runtime §17)', () => {
  const branches = [
    branch('large', { inputFilter: over(10), pageProcessors: [into(a)] }),
    branch('medium', { inputFilter: over(5), pageProcessors: [into(b)] }),
    branch('positive', { inputFilter: over(0), pageProcessors: [into(c)] }),
  ];

  it.each<[string, Router['routeRecordsTo'], Record<string, number[]>, number[]]>([
    ['the first branch that matches', undefined, { [a]: [20], [b]: [7], [c]: [3, 1] }, [1, 1, 2]],
    ['the first branch that matches', 'first_matching_branch', { [a]: [20], [b]: [7], [c]: [3, 1] }, [1, 1, 2]],
    ['every branch that matches', 'all_matching_branches', { [a]: [20], [b]: [20, 7], [c]: [20, 7, 3, 1] }, [1, 2, 4]],
  ])('sends a record to %s (%s), and counts what none takes as ignored', async (_, routeRecordsTo, sent, taken) => {
    const flow = compiled([{ id: 'r', ...(routeRecordsTo === undefined ? {} : { routeRecordsTo }), branches }]);
    const world = new World();
    const runs = await runThrough(flow, recordsOf(20, 7, -1, 3, 1), world);
    expect(Object.fromEntries(world.sent.map(({ stepId, ns }) => [stepId, ns]))).toEqual(sent);
    expect(routed(runs, 0)).toEqual({ success: 4, error: 0, ignore: 1, branches: taken });
    expect(runs[0]!.continuations).toHaveLength(3);
  });

  it('keeps the indices that records had in their page', async () => {
    const flow = compiled([{ id: 'r', branches }]);
    const { continuations } = await runPage(
      flow,
      0,
      { generator, page: 0 },
      recordsOf(3, 20, 2),
      runContext(),
      new World(),
    );
    expect(continuations.map(({ position, records }) => [position, indices(records)])).toEqual([
      [1, [1]],
      [3, [0, 2]],
    ]);
  });

  it('takes a branch without filter, or with empty rules, for one that matches everything', async () => {
    const flow = compiled([
      {
        id: 'r',
        routeRecordsTo: 'all_matching_branches',
        branches: [
          branch('none', { pageProcessors: [into(a)] }),
          branch('empty', { inputFilter: { version: '1', rules: [] }, pageProcessors: [into(b)] }),
        ],
      },
    ]);
    const world = new World();
    await runThrough(flow, recordsOf(1), world);
    expect(world.sent.map(({ stepId }) => stepId)).toEqual([a, b]);
  });

  it('discards what takes a branch with nothing in it, and passes on where such a branch has a next router', async () => {
    const flow = compiled([
      {
        id: 'r',
        branches: [
          branch('small', { inputFilter: { rules: ['lessthan', ['extract', 'n'], 5] } }),
          branch('on', { nextRouterId: 's' }),
        ],
      },
      { id: 's', branches: [branch('all', { pageProcessors: [into(a)] })] },
    ]);
    const world = new World();
    const runs = await runThrough(flow, recordsOf(1, 9), world);
    expect(world.sent.map(({ stepId, ns }) => [stepId, ns])).toEqual([[a, [9]]]);
    expect([routed(runs, 0), routed(runs, 1)]).toMatchObject([
      { success: 2, ignore: 0, branches: [1, 1] },
      { success: 1, branches: [1] },
    ]);
  });

  it('runs on where records stay together, and goes through the queue only where they part', async () => {
    const flow = compiled([
      {
        id: 'r',
        branches: [
          branch('x', { inputFilter: over(100), pageProcessors: [into(a)] }),
          branch('y', { pageProcessors: [into(b)] }),
        ],
      },
    ]);
    const together = await runThrough(flow, recordsOf(1, 2), new World());
    expect(together.map(({ continuations }) => continuations.length)).toEqual([0]);
    const apart = await runThrough(flow, recordsOf(1, 200), new World());
    expect(apart.map(({ continuations }) => continuations.length)).toEqual([2, 0, 0]);
  });

  it('fails a record that its filters cannot judge, with source routing, for its generator', async () => {
    const rules = ['matches', 'text', ['extract', 'n']];
    const flow = compiled([
      { id: 'r', branches: [branch('x', { inputFilter: { rules }, pageProcessors: [into(a)] })] },
    ]);
    const [run] = await runThrough(flow, recordsOf('te', '('), new World());
    expect(run!.routers).toEqual([{ router: 0, success: 1, error: 1, ignore: 0, branches: [1] }]);
    expect(run!.failures).toMatchObject([
      {
        stepId: generator,
        routerId: 'r',
        index: 1,
        stage: 'router',
        failure: { source: 'routing' },
        retryRecord: { n: '(' },
      },
    ]);
    expect(run!.counts.map(({ stepId }) => stepId)).toEqual([a]);
  });

  it('reads settings in its filters', async () => {
    const rules = ['greaterthan', ['extract', 'n'], ['settings', 'flow.limit']];
    const flow = compiled([
      { id: 'r', branches: [branch('x', { inputFilter: { rules }, pageProcessors: [into(a)] })] },
    ]);
    const world = new World();
    await runThrough(flow, recordsOf(1, 3), world);
    expect(world.sent.map(({ ns }) => ns)).toEqual([[3]]);
  });

  it('reads the input of the run in its filters', async () => {
    const rules = ['equals', ['number', ['context', 'job.input.wanted']], ['extract', 'n']];
    const flow = compiled([
      { id: 'r', branches: [branch('x', { inputFilter: { rules }, pageProcessors: [into(a)] })] },
    ]);
    for (const wanted of [1, 3]) {
      const world = new World();
      const run = runContext({ job: { _id: 'job', input: { wanted } } });
      await runPage(flow, 0, { generator, page: 0 }, recordsOf(1, 2, 3), run, world);
      expect(world.sent.map(({ ns }) => ns)).toEqual([[wanted]]);
    }
  });

  it('starts nothing after a cancel', async () => {
    const world = new World();
    world.isOver = true;
    const [run] = await runThrough(compiled([{ id: 'r', branches }]), recordsOf(20), world);
    expect(run).toEqual({ counts: [], failures: [], continuations: [], interrupted: true });
  });
});

describe('merges (decision 8)', () => {
  const merged = (mode: Router['routeRecordsTo']): readonly Router[] => [
    {
      id: 'r',
      ...(mode === undefined ? {} : { routeRecordsTo: mode }),
      branches: [
        branch('x', { inputFilter: over(5), pageProcessors: [into(a)], nextRouterId: 'm' }),
        branch('y', { pageProcessors: [into(b)], nextRouterId: 'm' }),
      ],
    },
    { id: 'm', branches: [branch('all', { pageProcessors: [into(c)] })] },
  ];

  it('bring a record once that took one branch', async () => {
    const world = new World();
    const runs = await runThrough(compiled(merged('first_matching_branch')), recordsOf(1, 9), world);
    const atMerge = world.sent.filter(({ stepId }) => stepId === c);
    expect(new Set(atMerge.flatMap(({ ns }) => ns))).toEqual(new Set([1, 9]));
    expect(atMerge).toHaveLength(2);
    expect(routed(runs, 1)).toMatchObject({ success: 2, branches: [2] });
    // Never copied, so never renamed.
    expect(world.sent.map(({ page }) => page.copy)).toEqual(world.sent.map(() => undefined));
  });

  it('bring each copy of a record by itself, under a name of its own', async () => {
    const world = new World();
    const runs = await runThrough(compiled(merged('all_matching_branches')), recordsOf(1, 9), world);
    expect(world.sent.filter(({ stepId }) => stepId === c).map(({ ns, page }) => [page.copy, ns])).toEqual([
      [undefined, [9]],
      [1, [1, 9]],
    ]);
    expect(routed(runs, 1)).toMatchObject({ success: 3, branches: [3] });
  });

  it('never give two requests of one step the same copy and record, however routers are stacked', async () => {
    const both = (id: string, next: string | undefined, ...steps: readonly string[]): Router => ({
      id,
      routeRecordsTo: 'all_matching_branches',
      branches: steps.map((step, at) =>
        branch(`${at}`, { pageProcessors: [into(step)], ...(next === undefined ? {} : { nextRouterId: next }) }),
      ),
    });
    const flow = compiled([both('r1', 'r2', a, b, a), both('r2', 'r3', b, a), both('r3', undefined, a, b, c)]);
    const world = new World();
    await runThrough(flow, recordsOf(1), world);
    expect(world.sent).toHaveLength(3 + 3 * 2 + 3 * 2 * 3);
    const names = world.sent.map(({ stepId, page }) => `${stepId}/${page.copy ?? 0}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it('tell the turns of a step apart that a linear flow names twice', async () => {
    const flow = compiled([], { pageProcessors: [into(a), into(a)] });
    const world = new World();
    await runThrough(flow, recordsOf(1), world);
    expect(world.sent.map(({ page }) => page.copy)).toEqual([undefined, 1]);
  });
});

describe('a router script (decision 26)', () => {
  class Script implements Functions {
    readonly calls: {
      readonly reference: FunctionReference;
      readonly common: object;
      readonly each: readonly object[];
    }[] = [];
    constructor(private readonly answers: readonly FunctionOutcome[]) {}
    call: Functions['call'] = (...call) => noFunctions.call(...call);
    async callEach(reference: FunctionReference, common: object, each: readonly object[]) {
      this.calls.push({ reference, common, each });
      return this.answers;
    }
  }
  const scripted = (mode: Router['routeRecordsTo']): CompiledFlow =>
    compiled([
      {
        id: 'r',
        ...(mode === undefined ? {} : { routeRecordsTo: mode }),
        routeRecordsUsing: 'script',
        script: { _scriptId: '5'.repeat(24), function: 'route', configuration: { level: 3 } },
        branches: [
          branch('one', { pageProcessors: [into(a)] }),
          branch('two', { pageProcessors: [into(b)] }),
          branch('three', { pageProcessors: [into(c)] }),
        ],
      },
    ]);

  it.each<[string, JsonValue | undefined, number[] | 'error', number[] | 'error']>([
    ['an index', 1, [1], [1]],
    ['a name', 'two', [1], [1]],
    ['indices', [2, 0], [2], [0, 2]],
    ['names', ['three', 'one'], [2], [0, 2]],
    ['the same branch twice', ['one', 0], [0], [0]],
    ['no branch', [], [], []],
    ['nothing', undefined, 'error', 'error'],
    ['null', null, 'error', 'error'],
    ['an index too high', 3, 'error', 'error'],
    ['a negative index', -1, 'error', 'error'],
    ['a fraction', 0.5, 'error', 'error'],
    ['an unknown name', 'four', 'error', 'error'],
    ['a name that objects inherit', 'constructor', 'error', 'error'],
    ['an object', { branch: 1 }, 'error', 'error'],
    ['a list in a list', [[1]], 'error', 'error'],
  ])('that returns %s', async (_, value, first, all) => {
    for (const [mode, expected] of [
      ['first_matching_branch', first],
      ['all_matching_branches', all],
    ] as const) {
      const world = new World(new Script([{ value }]));
      const runs = await runThrough(scripted(mode), recordsOf(1), world);
      if (expected === 'error') {
        expect(runs[0]!.failures).toMatchObject([
          { failure: { source: 'routing', code: 'invalid_extension_response' } },
        ]);
        expect(routed(runs, 0)).toMatchObject({ success: 0, error: 1, ignore: 0 });
      } else {
        expect(world.sent.map(({ stepId }) => stepId)).toEqual(expected.map((at) => [a, b, c][at]));
        expect(routed(runs, 0)).toMatchObject({ error: 0, ignore: expected.length === 0 ? 1 : 0 });
      }
    }
  });

  it('is called once for all records of a page, and a record that it throws at fails alone', async () => {
    const script = new Script([{ value: 0 }, { failure: { code: 'TypeError', message: 'n is not a function' } }]);
    const world = new World(script);
    const [run] = await runThrough(scripted(undefined), recordsOf(1, 2), world);
    expect(script.calls).toMatchObject([
      {
        reference: {
          home: { scriptId: '5'.repeat(24) },
          name: 'route',
          configuration: { level: 3 },
          instance: 'router r/routing',
        },
        common: { _flowId: 'f'.repeat(24), settings: { flow: { limit: 2 } }, testMode: false },
        each: [{ record: { n: 1 } }, { record: { n: 2 } }],
      },
    ]);
    expect(run!.failures).toMatchObject([
      { index: 1, failure: { code: 'TypeError', message: 'n is not a function', source: 'routing' } },
    ]);
    expect(world.sent).toMatchObject([{ stepId: a, ns: [1] }]);
  });

  it('that a cancel breaks off leaves its records uncounted (decision 6)', async () => {
    const world: World = new World({
      ...noFunctions,
      callEach: () => {
        world.isOver = true;
        return Promise.reject(new DOMException('canceled', 'AbortError'));
      },
    });
    const [run] = await runThrough(scripted(undefined), recordsOf(1), world);
    expect(run).toEqual({ counts: [], failures: [], continuations: [], interrupted: true });
  });
});
