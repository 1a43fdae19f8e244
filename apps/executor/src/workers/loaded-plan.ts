import type { Adaptor, ConnectorHost, Destination, FlagWriter, LookupSource, Source } from '#connectors';
import { mayGoOn, type CompiledFlow, type CompileFailure, type FlowPlan } from '#engine';
import type { Connection, Export, JsonRecord } from '#model';
import type { WorkerKit } from './worker-kit.js';

/** A step with everything that is the same for all of its pages. */
export interface LoadedStep<T> {
  readonly stepId: string;
  readonly port: T;
  readonly connection: Connection & { readonly _id: string };
  readonly settings: Readonly<Record<string, JsonRecord>>;
  /** of the flow; absent: it belongs to none */
  readonly integrationId?: string;
}

/** A plan, ready to run: the compiled flow, and its steps opened on their adaptors. Built once per plan and worker. */
export interface LoadedPlan {
  readonly planId: string;
  readonly plan: FlowPlan;
  readonly flow: CompiledFlow;
  readonly sources: ReadonlyMap<string, LoadedStep<Source>>;
  readonly lookups: ReadonlyMap<string, LoadedStep<LookupSource>>;
  readonly destinations: ReadonlyMap<string, LoadedStep<Destination>>;
  /** Of the exports of type `once`. */
  readonly flagWriters: ReadonlyMap<string, LoadedStep<FlagWriter>>;
  /**
   * The pages of its only generator run to their end at once: none goes on, nothing waits for the end of their run, and
   * no flag tells the source what became of them.
   */
  readonly isStraight: boolean;
}

/** For the context of a step. */
export function inIntegration({ integrationId }: Pick<LoadedStep<unknown>, 'integrationId'>): {
  readonly integrationId?: string;
} {
  return integrationId === undefined ? {} : { integrationId };
}

export type LoadOutcome = LoadedPlan | { readonly failures: readonly CompileFailure[] };

/** Compiles a plan. What cannot be executed is said here, before the first record moves (decision 28). */
export function loadPlan(planId: string, plan: FlowPlan, kit: WorkerKit, host: ConnectorHost): LoadOutcome {
  const compiled = kit.compileFlow(plan);
  if ('failures' in compiled) return compiled;
  const integrationId = plan.flow._integrationId ?? null;
  const failures: CompileFailure[] = [];
  const open = <T>(step: Step, scope: 'export' | 'import', create: (adaptor: Adaptor) => T): LoadedStep<T> | null => {
    const adaptor = step.adaptorType === undefined ? undefined : kit.adaptorFor(step.adaptorType);
    const connection = step._connectionId === undefined ? undefined : plan.connections[step._connectionId];
    if (!adaptor) {
      failures.push(failureOf(step, 'not_supported', `The adaptor ${step.adaptorType ?? '(none)'} is not supported.`));
      return null;
    }
    if (!connection) {
      failures.push(failureOf(step, 'invalid_flow', 'The step has no connection.'));
      return null;
    }
    try {
      return {
        stepId: step._id,
        port: create(adaptor),
        connection,
        settings: settingsOf(plan, step, connection, scope),
        ...(integrationId === null ? {} : { integrationId }),
      };
    } catch (error) {
      // Adaptors compile templates and paths here; what is wrong with them is the user's to see.
      failures.push(failureOf(step, 'invalid_flow', error instanceof Error ? error.message : String(error)));
      return null;
    }
  };

  const sources = new Map<string, LoadedStep<Source>>();
  const lookups = new Map<string, LoadedStep<LookupSource>>();
  const destinations = new Map<string, LoadedStep<Destination>>();
  const flagWriters = new Map<string, LoadedStep<FlagWriter>>();
  const processors = new Set(
    compiled.program.instructions.flatMap((at) => (at.op === 'lookup' || at.op === 'import' ? [at.stepId] : [])),
  );
  for (const step of Object.values(plan.exports)) {
    if (compiled.generators.has(step._id)) {
      const source = open(step, 'export', (adaptor) => adaptor.createSource(step, host));
      if (source) sources.set(step._id, source);
      const writer =
        step.type === 'once' ? open(step, 'export', (adaptor) => createFlagWriter(adaptor, step, host)) : null;
      if (writer) flagWriters.set(step._id, writer);
    }
    if (processors.has(step._id)) {
      const lookup = open(step, 'export', (adaptor) => adaptor.createLookup(step, host));
      if (lookup) lookups.set(step._id, lookup);
    }
  }
  for (const step of Object.values(plan.imports)) {
    if (!processors.has(step._id)) continue;
    const destination = open(step, 'import', (adaptor) => adaptor.createDestination(step, host));
    if (destination) destinations.set(step._id, destination);
  }
  if (failures.length > 0) return { failures };
  const isStraight = flagWriters.size === 0 && runsToItsEnd(plan, compiled);
  return { planId, plan, flow: compiled, sources, lookups, destinations, flagWriters, isStraight };
}

function runsToItsEnd(plan: FlowPlan, { generators, program }: CompiledFlow): boolean {
  const isToldOfFiles = Object.values(plan.imports).some(({ hooks }) => hooks?.postAggregate?.function !== undefined);
  return generators.size === 1 && !isToldOfFiles && !mayGoOn(program, program.entry);
}

function createFlagWriter(adaptor: Adaptor, step: Export & { readonly _id: string }, host: ConnectorHost): FlagWriter {
  if (adaptor.createFlagWriter !== undefined) return adaptor.createFlagWriter(step, host);
  throw new Error(`An export of type once is not supported by the adaptor ${step.adaptorType ?? '(none)'}.`);
}

interface Step {
  readonly _id: string;
  readonly adaptorType?: string | undefined;
  readonly _connectionId?: string | undefined;
  readonly settings?: unknown;
}

function failureOf(step: Step, code: CompileFailure['code'], message: string): CompileFailure {
  return { code, message, stepId: step._id };
}

/** Reference: runtime §24. */
function settingsOf(
  plan: FlowPlan,
  step: Step,
  connection: Connection,
  scope: 'export' | 'import',
): Readonly<Record<string, JsonRecord>> {
  return {
    ...plan.settings,
    connection: connection.settings ?? {},
    [scope]: (step.settings ?? {}) as JsonRecord,
  };
}
