import { maxMessageBytes } from '#bus/limits';
import {
  ContractError,
  decodeTryOutHeader,
  decodeTryOutTask,
  encodeTryOutReply,
  type TryOutHeader,
  type TryOutReply,
  type TryOutTask as Task,
} from '#contracts';
import type { FlowPlan } from '#engine';
import { Lru } from '../workers/lru.js';
import type { TryOutTask } from '../workers/protocol.js';
import { LoadedRun } from '../workers/run-contexts.js';
import { callScript } from './call-script.js';
import { lookUpRecords } from './look-up-records.js';
import { readRecords } from './read-records.js';
import { refused, Refusal } from './refusal.js';
import { renderTemplate } from './render-template.js';
import { testFlow } from './test-flow.js';
import type { RunOfTask, TryOutContext, TryOutWorld } from './try-out-context.js';
import { writeRecords } from './write-records.js';

type StoredConnection = FlowPlan['connections'][string];

const maxConnections = 200;

/** The part of a worker that tries things out: with the engine and the adaptors that runs use, and nothing kept. */
export class TryOuts {
  readonly #running = new Map<string, AbortController>();
  /** Documents of connections by their text: sockets, pools and tokens belong to a document, by identity. */
  readonly #connections = new Lru<string, StoredConnection>(maxConnections);

  constructor(private readonly world: TryOutWorld) {}

  /** @throws only for a defect; whatever the user's doing leads to is a reply */
  async run({ id, payload, traceparent, depth = 0 }: TryOutTask): Promise<Uint8Array> {
    const abort = new AbortController();
    this.#running.set(id, abort);
    try {
      const reply = encodeTryOutReply(await this.#reply(payload, traceparent, abort.signal, depth));
      if (reply.byteLength <= maxMessageBytes) return reply;
      return encodeTryOutReply(refused('too_large', 'The answer would be larger than 6 MB.'));
    } finally {
      // Whatever is still under way is nobody's.
      abort.abort();
      this.#running.delete(id);
    }
  }

  cancel(id: string): void {
    this.#running.get(id)?.abort();
  }

  async #reply(
    payload: Uint8Array,
    traceparent: string | undefined,
    signal: AbortSignal,
    depth: number,
  ): Promise<TryOutReply> {
    try {
      const context = this.#contextOf(decodeTryOutHeader(payload), traceparent, signal, depth);
      return await perform(decodeTryOutTask(payload), context);
    } catch (error) {
      if (error instanceof Refusal) return error.reply;
      if (error instanceof ContractError) return refused('invalid', error.message);
      if (signal.aborted) return refused('timeout', 'It was canceled.');
      throw error;
    }
  }

  #contextOf(header: TryOutHeader, traceparent: string | undefined, signal: AbortSignal, depth: number): TryOutContext {
    const { world } = this;
    return {
      world,
      header,
      host: world.hostOf(header.accountId),
      traceparent,
      signal,
      planOf: ({ plan }) => this.#planOf(header.accountId, plan as FlowPlan),
      runOf: (task, plan) => this.#runOf(header.accountId, task, plan, signal),
      functionsOf: (plan, run) => world.functionsOf(plan, run, traceparent, depth),
    };
  }

  #runOf(accountId: string, task: RunOfTask, plan: FlowPlan, signal: AbortSignal): LoadedRun {
    const { clock } = this.world;
    const nowIso = new Date(clock.now()).toISOString();
    const { runId, testMode, exportId } = task;
    const run = new LoadedRun(
      {
        runId,
        accountId,
        flowId: plan.flow._id,
        planId: runId,
        job: { _id: runId, type: 'flow', startedAt: nowIso },
        testMode,
        lastExportDateTime: exportId === undefined ? {} : { [exportId]: task.lastExportDateTime ?? null },
        currentExportDateTime: task.currentExportDateTime ?? nowIso,
      },
      () => clock.now(),
    );
    if (signal.aborted) run.cancel();
    signal.addEventListener('abort', () => run.cancel(), { once: true });
    return run;
  }

  #planOf(accountId: string, plan: FlowPlan): FlowPlan {
    const connections = Object.fromEntries(
      Object.entries(plan.connections).map(([id, connection]) => [id, this.#known(accountId, connection)]),
    );
    const known = { ...plan, connections };
    this.world.learn(accountId, known);
    return known;
  }

  #known(accountId: string, connection: StoredConnection): StoredConnection {
    const key = `${accountId}/${JSON.stringify(connection)}`;
    const known = this.#connections.get(key) ?? connection;
    this.#connections.set(key, known);
    return known;
  }
}

function perform(task: Task, context: TryOutContext): Promise<TryOutReply> {
  switch (task.kind) {
    case 'read':
      return readRecords(task, context);
    case 'write':
      return writeRecords(task, context);
    case 'lookup':
      return lookUpRecords(task, context);
    case 'flow':
      return testFlow(task, context);
    case 'script':
      return callScript(task, context);
    default:
      return Promise.resolve(renderTemplate(task, context));
  }
}
