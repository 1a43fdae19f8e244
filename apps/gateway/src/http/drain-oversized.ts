import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Of a body that is too large, at most this much is read away; a larger one is cut off. */
const maxDrainedBytes = 32 * 1_048_576;
const drainWithinMs = 5_000;

/**
 * Reads bodies over the limit to their end before they are refused: a client that still sends when the connection closes
 * would see a broken pipe instead of the 413 that tells it what to do.
 */
export function drainOversized(fastify: FastifyInstance, bodyLimitBytes: number): void {
  fastify.addHook('onRequest', async ({ raw }) => {
    const bytes = Number(raw.headers['content-length'] ?? 0);
    if (bytes > bodyLimitBytes && bytes <= maxDrainedBytes) await readAway(raw);
  });
}

function readAway(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, drainWithinMs);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    request.once('end', done).once('close', done).resume();
  });
}
