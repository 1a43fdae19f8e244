import { parentPort, workerData as threadData } from 'node:worker_threads';
import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import { environment } from '#config/environment';
import { adaptorFor } from '#connectors/registry';
import { compileFlow, runPage } from '#engine';
import { Sandbox } from '#sandbox';
import { startTelemetry } from '#telemetry';
import { systemClock } from '../system-clock.js';
import type { BundleReply, EncodedBundle, SliceReply } from './protocol.js';
import type { WorkerCall, WorkerThreadData } from './thread-messages.js';
import { WorkerRuntime } from './worker-runtime.js';

/** Entry of a worker thread; loaded by Piscina from `dist`. */

const data = (workerData ?? threadData) as WorkerThreadData;

startTelemetry({ service: 'millrace-executor', instance: data.instance, env: environment(), withMetrics: false });

const sandbox = new Sandbox(data.scripts);

const runtime = new WorkerRuntime(
  { compileFlow, runPage, adaptorFor, functionsOf: (scope) => sandbox.functionsOf(scope) },
  {
    settings: data,
    clock: systemClock,
    random: Math.random,
    // A thread's port has no origin.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    notify: (notice) => parentPort?.postMessage(notice),
  },
);

export default async function run(call: WorkerCall): Promise<unknown> {
  if (call.method === 'control') return runtime.control(call.task).then(() => null);
  if (call.method === 'tryOut') {
    const bytes = ownBytes(await runtime.tryOut(call.task));
    return move({ [transferableSymbol]: [bytes.buffer as ArrayBuffer], [valueSymbol]: bytes });
  }
  if (call.method === 'isStackCallOpen') return runtime.isStackCallOpen(call.task);
  if (call.method === 'aggregate') return runtime.aggregate(call.task);
  if (call.method === 'readSlice') return transferring(await runtime.readSlice(call.task));
  const reply = call.method === 'runBundle' ? runtime.runBundle(call.task) : runtime.abandonBundle(call.task);
  return transferring(await reply);
}

/** Hands the bodies over instead of copying them. */
function transferring(reply: SliceReply | BundleReply): unknown {
  if (reply.kind === 'slice') {
    return movable({
      ...reply,
      bundles: reply.bundles.map(withOwnBody),
      successor: reply.successor === null ? null : ownBytes(reply.successor),
    });
  }
  if (reply.kind === 'bundle') return movable({ ...reply, continuations: reply.continuations.map(withOwnBody) });
  return reply;
}

function movable(reply: SliceReply | BundleReply): unknown {
  const bundles = reply.kind === 'slice' ? reply.bundles : reply.kind === 'bundle' ? reply.continuations : [];
  const buffers = bundles.map(({ body }) => body.buffer as ArrayBuffer);
  if (reply.kind === 'slice' && reply.successor) buffers.push(reply.successor.buffer as ArrayBuffer);
  return move({ [transferableSymbol]: buffers, [valueSymbol]: reply });
}

function withOwnBody(bundle: EncodedBundle): EncodedBundle {
  return { ...bundle, body: ownBytes(bundle.body) };
}

/** Small buffers of Node share one pool, which must not be transferred. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  const isWhole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return isWhole ? new Uint8Array(bytes.buffer, 0, bytes.byteLength) : new Uint8Array(bytes);
}
