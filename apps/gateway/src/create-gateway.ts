import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { parseJsonBody } from '#try-outs';
import { Authenticator } from './auth/authenticator.js';
import { guardRequests } from './auth/guard-requests.js';
import { OneTimeCallers } from './auth/one-time-callers.js';
import { TokenCache } from './auth/token-cache.js';
import type { GatewayDeps } from './deps.js';
import { GatewayModule } from './gateway.module.js';
import { drainOversized } from './http/drain-oversized.js';
import { ErrorFilter } from './http/error-filter.js';
import { observeRequests } from './http/observe.js';
import { requestIdOf } from './http/request-id.js';
import { LeakyBuckets } from './rate-limit/leaky-bucket.js';
import { SharedSpending } from './rate-limit/shared-spending.js';

const megabyte = 1_048_576;

/**
 * The REST API over the given ports, ready to listen; `close()` ends its event streams and stops listening to signals,
 * and leaves the ports open to their owner.
 */
export async function createGateway(deps: GatewayDeps): Promise<NestFastifyApplication> {
  const now = deps.now ?? Date.now;
  const adapter = new FastifyAdapter({
    logger: false,
    skipMiddie: true,
    bodyLimit: deps.config.bodyLimitBytes ?? 10 * megabyte,
    genReqId: (request: IncomingMessage) => requestIdOf(request.headers['x-request-id']),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 300 },
    // Requests in flight are answered; only idle connections are cut.
    forceCloseConnections: 'idle',
  });
  const app = await NestFactory.create<NestFastifyApplication>(GatewayModule.with(deps), adapter, {
    bodyParser: false,
    logger: false,
    abortOnError: false,
  });
  app.useGlobalFilters(new ErrorFilter(deps.logger));

  const fastify = adapter.getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    /^application\/(?:[\w.-]+\+)?json(?:\s*;|$)/i,
    { parseAs: 'string' },
    (_, body, done) => {
      try {
        done(null, parseJsonBody(String(body)));
      } catch (error) {
        done(error as Error);
      }
    },
  );
  observeRequests(fastify, now);
  const tokens = app.get(TokenCache);
  const stopListening = tokens.listen(deps.bus);
  fastify.addHook('onClose', async () => stopListening());
  const rate = deps.config.rate
    ? new SharedSpending(deps.bus, new LeakyBuckets(deps.config.rate), randomUUID(), now)
    : null;
  fastify.addHook('onClose', async () => rate?.close());
  const { oneTimeTokens, bus, store } = deps;
  const oneTime = new OneTimeCallers({ tokens: oneTimeTokens, bus, documents: store.documents });
  guardRequests(fastify, new Authenticator(tokens, oneTime), oneTime, rate, now);
  drainOversized(fastify, deps.config.bodyLimitBytes ?? 10 * megabyte);

  await app.init();
  await fastify.ready();
  return app;
}
