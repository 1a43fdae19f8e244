import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../http/caller.js';

/** A caller who waits for what an executor does. */
export interface Asker {
  readonly caller: Caller;
  /** Aborted when the caller closes the connection before the answer is sent. */
  readonly gone: AbortSignal;
  readonly traceparent: string | undefined;
}

/** The authenticated caller of a request below /v1, with the signal that it went away. */
export const CurrentAsker = createParamDecorator((_: unknown, context: ExecutionContext): Asker => {
  const http = context.switchToHttp();
  const { caller, span } = http.getRequest<FastifyRequest>();
  if (!caller) throw new Error('A route outside of /v1 asked for its caller.');
  const { raw } = http.getResponse<FastifyReply>();
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  return { caller, gone: gone.signal, traceparent: span?.traceparent };
});
