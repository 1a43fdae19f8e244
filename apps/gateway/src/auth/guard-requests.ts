import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from '#failures';
import { apiCodes } from '../codes.js';
import type { Caller } from '../http/caller.js';
import { sendRefusal } from '../http/error-filter.js';
import type { SharedSpending } from '../rate-limit/shared-spending.js';
import type { Authenticator } from './authenticator.js';
import type { OneTimeCallers } from './one-time-callers.js';
import { mayCall } from './token-scopes.js';

/**
 * Everything below /v1 needs a caller, a token whose scope covers the route, and room in the account's bucket: checked
 * before the body is read.
 */
export function guardRequests(
  fastify: FastifyInstance,
  authenticator: Authenticator,
  oneTime: Pick<OneTimeCallers, 'mayCall'>,
  rate: SharedSpending | null,
  now: () => number,
): void {
  const admit = async (request: FastifyRequest, route: string): Promise<Caller> => {
    const nowMs = now();
    const caller = await authenticator.authenticate(request.headers, nowMs);
    const waitSeconds = rate?.take(caller.accountId, nowMs) ?? 0;
    if (waitSeconds > 0) throw tooMany(waitSeconds);
    const asked = [caller, request.method, route, request.params] as const;
    if (!(caller.oneTime === undefined ? mayCall(...asked) : await oneTime.mayCall(...asked))) {
      throw ApiError.of(apiCodes.access_restricted, 'The scope of this token does not cover the request.');
    }
    return caller;
  };
  const admitOrRefuse = async (
    request: FastifyRequest,
    reply: FastifyReply,
    route: string,
    done: (error?: Error) => void,
  ): Promise<void> => {
    try {
      request.caller = await admit(request, route);
    } catch (error) {
      if (error instanceof ApiError) sendRefusal(reply, error);
      else done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    done();
  };
  fastify.addHook('onRequest', (request, reply, done) => {
    // By the route that matched, not by the address: an address can be spelled in many ways.
    const route = request.routeOptions.url ?? request.url;
    if (!/^\/v1(?:[/?]|$)/.test(route)) {
      done();
      return;
    }
    void admitOrRefuse(request, reply, route, done);
  });
}

function tooMany(waitSeconds: number): ApiError {
  const message = `Too many requests. Retry after ${waitSeconds === 1 ? '1 second' : `${waitSeconds} seconds`}.`;
  return new ApiError(429, [{ code: apiCodes.rate_limited.code, message }], { 'retry-after': `${waitSeconds}` });
}
