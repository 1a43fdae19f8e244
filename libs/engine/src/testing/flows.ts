import type { Export, Flow, Import, PageProcessor } from '#model';
import { compileFlow } from '../flow/compile-flow.js';
import type { Functions } from '../functions.js';
import type { LookupAnswer } from '../mapping/index.js';
import type {
  CompiledFlow,
  Effects,
  FlowPlan,
  ImportOutcome,
  LookupOutcome,
  LookupQuestion,
  PlanScript,
  PreparedRecord,
} from '../program.js';
import { noFunctions } from './contexts.js';

export const generator = 'e'.repeat(24);
export const first = '1'.repeat(24);
export const second = '2'.repeat(24);
export const lookupId = '3'.repeat(24);

/** What a test says of its flow; the rest is filled in. */
export interface PlanParts {
  readonly source?: Partial<Export>;
  readonly processors?: readonly PageProcessor[];
  readonly imports?: Readonly<Record<string, Partial<Import>>>;
  readonly lookup?: Partial<Export>;
  readonly flow?: Partial<Flow>;
  readonly scripts?: Readonly<Record<string, PlanScript>>;
  readonly parentIntegrationId?: string;
}

export function planOf(parts: PlanParts): FlowPlan {
  const imports = parts.imports ?? { [first]: {} };
  return {
    flow: {
      _id: 'f'.repeat(24),
      name: 'flow',
      pageGenerators: [{ _exportId: generator }],
      pageProcessors: [...(parts.processors ?? [{ type: 'import', _importId: first }])],
      ...parts.flow,
    },
    exports: {
      [generator]: { _id: generator, name: 'source', ...parts.source },
      [lookupId]: { _id: lookupId, name: 'lookup', isLookup: true, ...parts.lookup },
    },
    imports: Object.fromEntries(
      Object.entries(imports).map(([_id, document]) => [_id, { _id, name: _id, ...document }]),
    ),
    connections: {},
    settings: { flow: { region: 'eu' } },
    ...(parts.scripts === undefined ? {} : { scripts: parts.scripts }),
    ...(parts.parentIntegrationId === undefined ? {} : { parentIntegrationId: parts.parentIntegrationId }),
  };
}

/** @throws Error when the flow cannot be compiled */
export function compiled(parts: PlanParts): CompiledFlow {
  const flow = compileFlow(planOf(parts));
  if ('failures' in flow) throw new Error(JSON.stringify(flow.failures));
  return flow;
}

/** Destinations and lookups that answer as told; everything is accepted and nothing found by default. */
export class FakeEffects implements Effects {
  readonly submitted: { readonly stepId: string; readonly records: readonly PreparedRecord[] }[] = [];
  readonly asked: (readonly LookupQuestion[])[] = [];
  canceled = false;
  constructor(
    private readonly answers: {
      readonly submit?: (record: PreparedRecord, stepId: string) => ImportOutcome;
      readonly lookup?: (record: PreparedRecord) => LookupOutcome;
      readonly resolve?: (question: LookupQuestion) => LookupAnswer;
    } = {},
    readonly functions: Functions = noFunctions,
  ) {}
  async submit(stepId: string, _page: unknown, records: readonly PreparedRecord[]): Promise<ImportOutcome[]> {
    this.submitted.push({ stepId, records });
    return records.map(
      (record) => this.answers.submit?.(record, stepId) ?? { statusCode: 200, id: `id${record.index}` },
    );
  }
  async lookup(stepId: string, _page: unknown, records: readonly PreparedRecord[]) {
    this.submitted.push({ stepId, records });
    return records.map((record) => this.answers.lookup?.(record) ?? { statusCode: 200, data: [] });
  }
  async resolveLookups(_stepId: string, _page: unknown, questions: readonly LookupQuestion[]) {
    this.asked.push(questions);
    return questions.map((question) => this.answers.resolve?.(question) ?? { matches: [] });
  }
  isCanceled() {
    return this.canceled;
  }
}
