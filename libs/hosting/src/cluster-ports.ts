import { JetStreamBlobs } from '#blobs/jetstream/index';
import { createNatsBus } from '#bus/nats/index';
import { createPostgresStore } from '#store/postgres/index';
import { KafkaStream } from '#stream/kafka/index';
import type { Logger } from '#telemetry';
import { busReporter, streamLog } from './adapter-logs.js';
import { Opened, type Ports } from './ports.js';

export interface ClusterOptions {
  readonly natsUrl: string;
  readonly kafkaBrokers: readonly string[];
  readonly databaseUrl: string;
  /** prefix of streams, buckets, topics and groups; empty for none */
  readonly namespace: string;
  readonly instance: string;
  readonly poolSize: number;
  readonly logger: Logger;
}

/** NATS JetStream, Kafka and PostgreSQL behind the ports. */
export async function openClusterPorts(options: ClusterOptions): Promise<Ports> {
  const { natsUrl, kafkaBrokers, databaseUrl, namespace, instance, logger } = options;
  const prefix = namespace === '' ? '' : `${namespace}-`;
  const opened = new Opened();
  const store = await opened.add(
    createPostgresStore({
      connectionString: databaseUrl,
      poolSize: options.poolSize,
      onWarning: (message) => logger.warn({}, message),
    }),
  );
  const bus = await opened.add(
    createNatsBus({ servers: natsUrl, name: instance, prefix: namespace, reportError: busReporter(logger) }),
  );
  const blobs = await opened.add(JetStreamBlobs.open({ servers: natsUrl, bucket: `${prefix}blobs` }));
  const stream = await opened.add(
    Promise.resolve(
      new KafkaStream({
        brokers: kafkaBrokers,
        clientId: instance,
        topicPrefix: prefix,
        groupPrefix: prefix,
        log: streamLog(logger),
      }),
    ),
  );
  return { bus, stream, store, blobs, close: () => opened.close() };
}
