// A cluster's own corner of shared brokers: a database, a prefix of streams, a prefix of topics.
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';

/** @returns {Promise<import('./state.mjs').State>} */
export async function createNamespace() {
  const namespace = `mr${Date.now().toString(36)}`;
  const databaseUrl = new URL(process.env.DATABASE_URL);
  await onDatabase(databaseUrl, (client) => client.query(`create database ${namespace}`));
  databaseUrl.pathname = `/${namespace}`;
  return { namespace, databaseUrl: databaseUrl.href, services: [] };
}

/** @param {import('./state.mjs').State} state */
export async function dropNamespace({ namespace }) {
  await onDatabase(new URL(process.env.DATABASE_URL), (client) =>
    client.query(`drop database if exists ${namespace} with (force)`),
  );
  const nats = await connect({ servers: process.env.NATS_URL.split(',') });
  const manager = await jetstreamManager(nats);
  for await (const name of manager.streams.names()) {
    if (name.includes(namespace)) await manager.streams.delete(name);
  }
  await nats.close();
  const kafka = new Kafka({ brokers: process.env.KAFKA_BROKERS.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(namespace));
  if (topics.length > 0) await admin.deleteTopics({ topics });
  await admin.disconnect();
}

async function onDatabase(url, work) {
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
