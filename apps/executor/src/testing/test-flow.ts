import type { Adaptor, Destination, Source, SourceChunk } from '#connectors';
import { SourceError } from '#connectors';
import type {
  CompiledFlow,
  CompileFlow,
  FlowPlan,
  ImportOutcome,
  Instruction,
  PageIdentity,
  PreparedRecord,
  RunPage,
} from '#engine';
import { noFunctions } from '#engine/testing/contexts';
import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import type { WorkerKit } from '../workers/worker-kit.js';

export const ids = {
  account: 'a'.repeat(24),
  flow: 'f'.repeat(24),
  run: '1'.repeat(24),
  export: 'e1'.padEnd(24, '0'),
  secondExport: 'e2'.padEnd(24, '0'),
  import: 'b1'.padEnd(24, '0'),
  secondImport: 'b2'.padEnd(24, '0'),
  from: 'c1'.padEnd(24, '0'),
  to: 'c2'.padEnd(24, '0'),
  plan: 'plan-1',
} as const;

/** What an import was sent. */
export interface Submitted {
  readonly stepId: string;
  readonly page: number;
  readonly copy: number;
  readonly content: string | undefined;
  readonly indices: readonly number[];
  readonly records: readonly JsonValue[];
}

/** A source application and a destination application in memory. */
export class TestApps {
  records: readonly JsonValue[] = [];
  chunkSize = 10;
  /** whether the source says that it can be read again */
  isRepeatable = false;
  /** thrown after the chunks */
  sourceFailure: Failure | null = null;
  /** failures of records that could not be read, by index of their chunk */
  readonly unreadable = new Map<number, Failure>();
  readonly submitted: Submitted[] = [];
  /** cursors that the source was opened at */
  readonly opened: unknown[] = [];
  reads = 0;
  beforeChunk: (at: number) => Promise<void> = async () => undefined;
  beforeSubmit: (submitted: Submitted) => Promise<void> = async () => undefined;
  refuse: (record: JsonValue) => boolean = () => false;
  /** requests that were sent as they were built when their page was read */
  builtRequests = 0;

  /** @param buildsRequests whether the destination builds requests ahead */
  constructor(private readonly buildsRequests = false) {}

  get delivered(): JsonValue[] {
    return this.submitted.flatMap(({ records }) => records);
  }

  readonly adaptor: Adaptor = {
    createSource: () => this.#source(),
    createLookup: () => ({ lookup: async (records) => records.map(() => ({ statusCode: 200, data: [] })) }),
    createDestination: (step) => this.#destination(step._id),
    ping: async () => ({ code: 200 }),
  };

  #source(): Source {
    const read = this.#read.bind(this);
    return { isRepeatable: this.isRepeatable, read: (cursor) => read(cursor === null ? 0 : Number(cursor['at'])) };
  }

  async *#read(from: number): AsyncGenerator<SourceChunk> {
    this.opened.push(from);
    for (let at = from; ; at += this.chunkSize) {
      await this.beforeChunk(at);
      this.reads += 1;
      const records = this.records.slice(at, at + this.chunkSize);
      const end = at + this.chunkSize;
      const unreadable = this.unreadable.get(at / this.chunkSize);
      const isLast = end >= this.records.length;
      yield {
        records,
        next: isLast && !this.sourceFailure ? null : { at: end },
        bytes: JSON.stringify(records).length,
        failures: unreadable ? [unreadable] : [],
      };
      if (isLast && this.sourceFailure) throw new SourceError(this.sourceFailure);
      if (isLast) return;
    }
  }

  #destination(stepId: string): Destination {
    return {
      ...(this.buildsRequests ? this.#building(stepId) : {}),
      preview: async (_page, records) => [
        { system: 'http', method: 'POST', target: 'memory', indices: records.map(({ index }) => index) },
      ],
      submit: async (page, records, context) => {
        const permit = await this.acquire(context.connection._id, context.signal);
        try {
          return await this.#submit(stepId, page, records);
        } finally {
          permit.release();
        }
      },
    };
  }

  #building(stepId: string): Pick<Destination, 'build' | 'submitBuilt'> {
    return {
      build: async (records) => [
        { indices: records.map(({ index }) => index), body: JSON.stringify(records.map(({ mapped }) => mapped)) },
      ],
      submitBuilt: async (page, [request], context) => {
        const permit = await this.acquire(context.connection._id, context.signal);
        try {
          const { indices, body } = request!;
          const mapped = JSON.parse(body) as JsonValue[];
          const records = indices.map((index, at) => ({ index, record: null, mapped: mapped[at]! }));
          const outcomes = await this.#submit(stepId, page, records);
          this.builtRequests += 1;
          return outcomes;
        } finally {
          permit.release();
        }
      },
    };
  }

  acquire: (connectionId: string, signal: AbortSignal) => Promise<{ release(): void }> = async () => ({
    release: () => undefined,
  });

  async #submit(
    stepId: string,
    page: PageIdentity,
    records: readonly PreparedRecord[],
  ): Promise<readonly ImportOutcome[]> {
    const submitted = {
      stepId,
      page: page.page,
      copy: page.copy ?? 0,
      content: page.content,
      indices: records.map(({ index }) => index),
      records: records.map(({ mapped }) => mapped),
    };
    await this.beforeSubmit(submitted);
    this.submitted.push(submitted);
    return records.map(({ mapped }) =>
      this.refuse(mapped)
        ? { statusCode: 422, failures: [{ code: '422', message: 'refused', source: 'application' }] }
        : { statusCode: 200 },
    );
  }
}

/** A linear engine, just enough to carry pages through imports: each import but the last is a checkpoint. */
const compileFlow: CompileFlow = (plan) => {
  const processors = plan.flow.pageProcessors ?? [];
  const instructions: Instruction[] = processors.map(({ _importId }, at) => ({
    op: 'import',
    stepId: _importId!,
    step: { kind: 'import', proceedOnFailure: false },
    next: at + 1,
  }));
  instructions.push({ op: 'end' });
  const generatorIds = (plan.flow.pageGenerators ?? []).map(({ _exportId }) => _exportId!);
  const flow: CompiledFlow = {
    stepIds: [...generatorIds, ...processors.map(({ _importId }) => _importId!)],
    program: { instructions, entry: 0 },
    generators: new Map(
      generatorIds.map((exportId) => [
        exportId,
        {
          exportId,
          pageSize: plan.exports[exportId]?.pageSize ?? 20,
          shape: ({ records }) => ({
            records: records.flatMap((record, index) =>
              (record as { drop?: boolean }).drop === true ? [] : [{ index, record }],
            ),
            ignored: records.filter((record) => (record as { drop?: boolean }).drop === true).length,
            failures: [],
          }),
        },
      ]),
    ),
  };
  return flow;
};

const runPage: RunPage = async (flow, position, page, records, _run, effects) => {
  const instruction = flow.program.instructions[position];
  if (instruction?.op !== 'import') return { counts: [], failures: [], continuations: [], interrupted: false };
  const { stepId, next } = instruction;
  const outcomes = await effects.submit(
    stepId,
    page,
    records.map(({ index, record }) => ({ index, record, mapped: record })),
  );
  const isFailed = (at: number): boolean => (outcomes[at]?.failures?.length ?? 0) > 0;
  const passed = records.filter((_, at) => !isFailed(at));
  return {
    counts: [{ stepId, success: passed.length, error: records.length - passed.length, ignore: 0 }],
    failures: records.flatMap(({ index, record }, at) =>
      (outcomes[at]?.failures ?? []).map((failure) => ({
        stepId,
        index,
        failure,
        traceKey: '',
        retryRecord: record,
        stage: 'page_processor_import',
      })),
    ),
    continuations:
      flow.program.instructions[next]?.op === 'end' || passed.length === 0 ? [] : [{ position: next, records: passed }],
    interrupted: false,
  };
};

/** How flows are compiled and pages run. */
export type Engine = Pick<WorkerKit, 'compileFlow' | 'runPage'>;

export const linearEngine: Engine = { compileFlow, runPage };

export function testKit(apps: TestApps, engine: Engine): WorkerKit {
  return {
    ...engine,
    adaptorFor: (type) => (type.startsWith('HTTP') ? apps.adaptor : undefined),
    functionsOf: () => noFunctions,
  };
}

export function testPlan(change: (plan: FlowPlan) => FlowPlan = (plan) => plan): FlowPlan {
  const connection = (id: string) => ({ _id: id, name: id, type: 'http', http: { baseURI: 'http://x' } });
  return change({
    flow: {
      _id: ids.flow,
      name: 'flow',
      pageGenerators: [{ _exportId: ids.export }],
      pageProcessors: [{ type: 'import', _importId: ids.import }],
    },
    exports: {
      [ids.export]: {
        _id: ids.export,
        name: 'export',
        adaptorType: 'HTTPExport',
        _connectionId: ids.from,
        pageSize: 5,
      },
      [ids.secondExport]: {
        _id: ids.secondExport,
        name: 'second export',
        adaptorType: 'HTTPExport',
        _connectionId: ids.from,
        pageSize: 5,
      },
    },
    imports: {
      [ids.import]: { _id: ids.import, name: 'import', adaptorType: 'HTTPImport', _connectionId: ids.to },
      [ids.secondImport]: { _id: ids.secondImport, name: 'import 2', adaptorType: 'HTTPImport', _connectionId: ids.to },
    },
    connections: { [ids.from]: connection(ids.from), [ids.to]: connection(ids.to) },
    settings: {},
  } as unknown as FlowPlan);
}

export function numbered(count: number): { readonly n: number }[] {
  return Array.from({ length: count }, (_, n) => ({ n }));
}
