import type { FastifyInstance } from 'fastify';
import { count, observeSeconds, startSpan } from '#telemetry';

/** One span and one measurement per request, named by route, never by address (labels stay bounded). */
export function observeRequests(fastify: FastifyInstance, now: () => number): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    request.startedAtMs = now();
    void reply.header('x-request-id', request.id);
    const parent = request.headers['traceparent'];
    const route = request.routeOptions.url ?? 'unknown';
    request.span = startSpan(`${request.method} ${route}`, {
      role: 'server',
      traceparent: typeof parent === 'string' ? parent : undefined,
      attributes: { 'http.request.method': request.method, 'http.route': route },
    });
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const labels = {
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: `${Math.floor(reply.statusCode / 100)}xx`,
    };
    count('millrace.api.requests', 1, labels);
    observeSeconds('millrace.api.duration', (now() - (request.startedAtMs ?? now())) / 1000, {
      method: labels.method,
      route: labels.route,
    });
    request.span?.set({ 'http.response.status_code': reply.statusCode });
    if (reply.statusCode >= 500) request.span?.fail(`status ${reply.statusCode}`);
    request.span?.end();
    done();
  });
}
