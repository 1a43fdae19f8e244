// A cluster's own corner of shared brokers: a database, a prefix of streams, a prefix of topics.
import { setTimeout as delay } from 'node:timers/promises';
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
  const names = [];
  for await (const name of manager.streams.names()) if (name.includes(namespace)) names.push(name);
  for (const name of names) {
    await manager.streams.delete(name).catch((error) => {
      // Gone already: what was wanted.
      if (!/not found/.test(error.message)) throw error;
    });
  }
  await nats.close();
  const kafka = new Kafka({ brokers: process.env.KAFKA_BROKERS.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await deleteTopics(admin, namespace);
  await admin.disconnect();
}

/** A broker that deletes topics for someone else at the same time answers with errors for a moment. */
async function deleteTopics(admin, namespace) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(namespace));
      if (topics.length > 0) await admin.deleteTopics({ topics });
      return;
    } catch (error) {
      if (attempt === 10) throw error;
      await delay(200);
    }
  }
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
