import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { describeStream, type StreamHarness } from '#testing/stream.contract';
import { KafkaStream } from './kafka-stream.js';

describeStream('Kafka', startHarness);

async function startHarness(): Promise<StreamHarness> {
  const brokers = process.env.KAFKA_BROKERS?.split(',');
  if (!brokers) throw new Error('KAFKA_BROKERS is unset: run bin/brokers up, then eval "$(bin/brokers env)"');
  const prefix = `test-${randomUUID()}.`;
  const opened: KafkaStream[] = [];
  return {
    open: async () => {
      const sockets = new Set<Socket>();
      let isCut = false;
      const stream = new KafkaStream({
        brokers,
        topicPrefix: prefix,
        groupPrefix: prefix,
        sessionTimeoutMs: 6_000,
        redeliveryPauses: { firstMs: 20, maxMs: 100 },
        socketFactory: ({ host, port, onConnect }) => {
          const socket = connect({ host, port }, onConnect);
          sockets.add(socket);
          if (isCut) socket.destroy(new Error('cut off'));
          return socket;
        },
      });
      opened.push(stream);
      return {
        stream,
        crash: async () => {
          isCut = true;
          for (const socket of sockets) socket.destroy(new Error('cut off'));
        },
      };
    },
    stop: async () => {
      await Promise.all(opened.map((stream) => stream.close()));
      await removeTopics(brokers, prefix);
    },
  };
}

async function removeTopics(brokers: string[], prefix: string): Promise<void> {
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
  if (topics.length > 0) await admin.deleteTopics({ topics });
  await admin.disconnect();
}
