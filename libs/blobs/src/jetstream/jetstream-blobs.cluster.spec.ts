import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { describe, expect, it } from '@jest/globals';
import { describeBlobs } from '#testing/blobs.contract';
import { JetStreamBlobs } from './jetstream-blobs.js';

function natsUrl(): string {
  const servers = process.env.NATS_URL;
  if (!servers) throw new Error('NATS_URL is unset: run bin/brokers up, then eval "$(bin/brokers env)"');
  return servers;
}

describeBlobs('JetStream object store', async () => {
  const servers = natsUrl();
  const bucket = `test-${randomUUID()}`;
  const opened: JetStreamBlobs[] = [];
  return {
    open: async () => {
      const blobs = await JetStreamBlobs.open({ servers, bucket });
      opened.push(blobs);
      return blobs;
    },
    stop: async () => {
      await Promise.all(opened.map((blobs) => blobs.close()));
      await removeBucket(servers, bucket);
    },
  };
});

describe('JetStreamBlobs', () => {
  it('keeps nothing of a deleted or replaced blob', async () => {
    const servers = natsUrl();
    const bucket = `test-${randomUUID()}`;
    const blobs = await JetStreamBlobs.open({ servers, bucket });
    await blobs.put('a', Buffer.alloc(2_000_000));
    await blobs.put('a', Buffer.alloc(1_000_000));
    await blobs.delete('a');

    const connection = await connect({ servers });
    const { state } = await (await jetstreamManager(connection)).streams.info(`OBJ_${bucket}`);
    await connection.close();
    expect(state.messages).toBe(0);
    await blobs.close();
    await removeBucket(servers, bucket);
  });
});

async function removeBucket(servers: string, bucket: string): Promise<void> {
  const connection = await connect({ servers });
  await (await jetstreamManager(connection)).streams.delete(`OBJ_${bucket}`);
  await connection.close();
}
