import type { Bus } from '#bus';
import { oneTimeCallAnswer, oneTimeCallQuestion, oneTimeCallTopic } from '#contracts';
import { ApiError, PlatformError } from '#failures';
import { type Flow, isId } from '#model';
import { referencesOf, withCurrentSteps } from '#plans';
import type { OneTimeClaims, OneTimeTokens } from '#security';
import type { Documents } from '#store';
import { apiCodes } from '../codes.js';
import type { Caller } from '../http/caller.js';

export interface OneTimeCallerParts {
  readonly tokens: Pick<OneTimeTokens, 'read'>;
  readonly bus: Pick<Bus, 'request'>;
  readonly documents: Pick<Documents, 'get' | 'list'>;
}

/** An executor that does not answer by then does not wait for a function either. */
const answerWithinMs = 5_000;
const flowsPerQuery = 500;

/** What a one-time token may do: invoke what exists. Reference: resources §1.1. */
const invocable: Readonly<Record<string, 'exports' | 'imports'>> = {
  '/v1/exports/:id/invoke': 'exports',
  '/v1/imports/:id/invoke': 'imports',
};

/** Functions of stacks that call the API with their one-time token, while somebody waits for them. */
export class OneTimeCallers {
  constructor(private readonly parts: OneTimeCallerParts) {}

  /** @throws ApiError 401 for a token that is not good any more, 503 when nobody can tell */
  async authenticate(token: string, nowMs: number): Promise<Caller> {
    const claims = this.parts.tokens.read(token);
    if (claims === null) throw refuse('The bearer token is not valid.');
    if (claims.expiresAtMs <= nowMs) throw refuse('The one-time token is older than 15 minutes.');
    if (!(await this.#isOpen(claims))) throw refuse('The function that this one-time token was made for has returned.');
    const { accountId, integrationId, callId } = claims;
    return { accountId, userId: '', tokenId: callId, fullAccess: false, scopes: {}, oneTime: { integrationId } };
  }

  /** Whether it invokes an export or import of the integration whose function holds the token. */
  async mayCall({ accountId, oneTime }: Caller, method: string, route: string, params: unknown): Promise<boolean> {
    const type = Object.hasOwn(invocable, route) ? invocable[route] : undefined;
    const id: unknown = (params as { id?: unknown } | undefined)?.id;
    const integrationId = oneTime?.integrationId;
    if (method !== 'POST' || type === undefined || !isId(id) || !isId(integrationId)) return false;
    const step = await this.parts.documents.get(accountId, type, id);
    if (step === null) return false;
    return step['_integrationId'] === integrationId || this.#isInFlowOf(accountId, integrationId, type, id);
  }

  async #isOpen({ executorId, callId }: OneTimeClaims): Promise<boolean> {
    const question = oneTimeCallQuestion.encode({ v: 1, callId });
    try {
      const answer = await this.parts.bus.request(oneTimeCallTopic(executorId), question, answerWithinMs);
      return oneTimeCallAnswer.decode(answer).isOpen;
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      // An executor that is gone waits for nobody.
      if (error.code === 'bus_no_responders') return false;
      throw ApiError.of(apiCodes.unavailable, 'Whether the one-time token is still good cannot be told now.');
    }
  }

  async #isInFlowOf(
    accountId: string,
    integrationId: string,
    type: 'exports' | 'imports',
    id: string,
  ): Promise<boolean> {
    for (let skip = 0; ; skip += flowsPerQuery) {
      const query = { where: { _integrationId: integrationId }, skip, limit: flowsPerQuery };
      const { rows, more } = await this.parts.documents.list(accountId, 'flows', query);
      for (const row of rows) {
        // Documents were validated when they were written (parse at the edge, once).
        const { exportIds, importIds } = referencesOf(withCurrentSteps(row as unknown as Flow));
        if ((type === 'exports' ? exportIds : importIds).includes(id)) return true;
      }
      if (!more) return false;
    }
  }
}

function refuse(message: string): ApiError {
  return ApiError.of(apiCodes.unauthorized, message);
}
