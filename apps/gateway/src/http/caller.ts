import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { OpenSpan } from '#telemetry';

/** Who sends a request, and for which account. */
export interface Caller {
  readonly accountId: string;
  readonly userId: string;
  readonly tokenId: string;
  readonly fullAccess: boolean;
  /** ids per scope array of a custom token */
  readonly scopes: Readonly<Record<string, readonly string[]>>;
  /** A function of a stack, of a flow of this integration; it may only invoke. Absent: somebody with a token of their own. */
  readonly oneTime?: { readonly integrationId: string | null };
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the authentication hook on every route below /v1. */
    caller?: Caller;
    span?: OpenSpan;
    startedAtMs?: number;
  }
}

/** The authenticated caller of a request below /v1. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!caller) throw new Error('A route outside of /v1 asked for its caller.');
  return caller;
});
