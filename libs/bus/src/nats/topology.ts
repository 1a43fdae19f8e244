import type { ConsumerConfig, JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import type { QueueName } from '../bus.js';
import { dedupeWindowMs } from '../bus.js';
import { allQueues } from '../queues.js';
import { toNanos } from './connection.js';
import type { Names } from './subjects.js';

export const defaultLeaseMs = 30_000;
const streamNameInUse = 10_058;
/** How long the broker remembers that a lease was released or expired. */
const leaseMarkerMs = 60_000;

interface ConsumerShape {
  readonly leaseMs: number;
  readonly headersOnly: boolean;
}

/**
 * Creates what the bus needs on the server, or brings it to the present shape. Every process does so when it starts;
 * doing it twice, or at once, changes nothing.
 *
 * @param replicas copies of each stream in a NATS cluster; undefined keeps what is there (1 for a new stream)
 */
export async function ensureTopology(jsm: JetStreamManager, names: Names, replicas: number | undefined): Promise<void> {
  const queueStream = {
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    duplicate_window: toNanos(dedupeWindowMs),
    allow_direct: true,
    allow_atomic: true,
  } satisfies Partial<StreamConfig>;
  await Promise.all([
    ensureStream(jsm, { ...queueStream, name: names.workStream, subjects: [names.family('work')] }, replicas),
    ensureStream(jsm, { ...queueStream, name: names.commandStream, subjects: [names.family('cmd')] }, replicas),
    ensureStream(
      jsm,
      {
        name: names.deadStream,
        subjects: [names.family('dead')],
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
        discard: DiscardPolicy.New,
        duplicate_window: toNanos(dedupeWindowMs),
        allow_direct: true,
      },
      replicas,
    ),
    ensureLeaseBucket(jsm, names, replicas),
  ]);
  await Promise.all(allQueues.map((queue) => ensureConsumer(jsm, names, queue)));
}

/**
 * One durable pull consumer per queue, shared by all processes. `headers_only` and the lease's length belong to it, so
 * the latest subscription decides them for all; a delivery works either way, only its cost differs.
 *
 * @param shape undefined leaves an existing consumer as it is
 */
export async function ensureConsumer(
  jsm: JetStreamManager,
  names: Names,
  queue: QueueName,
  shape?: ConsumerShape,
): Promise<void> {
  const stream = names.streamOf(queue);
  const name = names.consumerOf(queue);
  const existing = await jsm.consumers.info(stream, name).catch((error: unknown) => {
    if (isApiError(error, JetStreamApiCodes.ConsumerNotFound)) return null;
    throw error;
  });
  if (existing === null) {
    const { leaseMs, headersOnly } = shape ?? { leaseMs: defaultLeaseMs, headersOnly: queue === 'work.page' };
    const config: ConsumerConfig = {
      durable_name: name,
      name,
      filter_subject: names.queueFilter(queue),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      replay_policy: ReplayPolicy.Instant,
      ack_wait: toNanos(leaseMs),
      // Handlers decide when a message is hopeless; a server-side limit would leave it in the stream for ever.
      max_deliver: -1,
      // maxInFlight of the subscriptions bounds the leases; a limit over all processes would let one starve the rest.
      max_ack_pending: -1,
      max_waiting: 8_192,
      headers_only: headersOnly,
    };
    await jsm.consumers.add(stream, config);
    return;
  }
  if (shape === undefined) return;
  const config = existing.config;
  if (config.ack_wait === toNanos(shape.leaseMs) && (config.headers_only ?? false) === shape.headersOnly) return;
  await jsm.consumers.update(stream, name, { ack_wait: toNanos(shape.leaseMs), headers_only: shape.headersOnly });
}

async function ensureStream(
  jsm: JetStreamManager,
  config: Partial<StreamConfig> & { name: string },
  replicas: number | undefined,
): Promise<void> {
  const wanted = replicas === undefined ? config : { ...config, num_replicas: replicas };
  try {
    await jsm.streams.add(wanted);
  } catch (error) {
    if (!isApiError(error, streamNameInUse)) throw error;
    await jsm.streams.update(config.name, wanted);
  }
}

async function ensureLeaseBucket(jsm: JetStreamManager, names: Names, replicas: number | undefined): Promise<void> {
  await new Kvm(jsm.jetstream()).create(names.leaseBucket, {
    history: 1,
    storage: StorageType.File,
    markerTTL: leaseMarkerMs,
    ...(replicas === undefined ? {} : { replicas }),
  });
}

function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}
