import { startTcpProxy, type TcpProxy } from '#testing/tcp-proxy';
import { createTestDatabase } from '#testing/postgres';
import { describeStream, type StreamHarness } from '#testing/stream.contract';
import { EmbeddedStream } from './embedded-stream.js';

describeStream('embedded in PostgreSQL', startHarness);

async function startHarness(): Promise<StreamHarness> {
  const database = await createTestDatabase();
  const server = new URL(database.url);
  const opened: { stream: EmbeddedStream; proxy: TcpProxy }[] = [];
  return {
    open: async () => {
      const proxy = await startTcpProxy({ host: server.hostname, port: Number(server.port) });
      const url = new URL(database.url);
      url.port = String(proxy.port);
      const stream = await EmbeddedStream.open({
        databaseUrl: url.href,
        redeliveryPauses: { firstMs: 20, maxMs: 100 },
      });
      opened.push({ stream, proxy });
      return { stream, crash: async () => proxy.cut() };
    },
    stop: async () => {
      await Promise.all(opened.map(({ stream }) => stream.close()));
      await Promise.all(opened.map(({ proxy }) => proxy.close()));
      await database.drop();
    },
  };
}
