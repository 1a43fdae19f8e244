import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from '#failures';
import { OneTimeTokens } from '#security';
import { apiCodes } from '../codes.js';
import type { Caller } from '../http/caller.js';
import type { OneTimeCallers } from './one-time-callers.js';
import type { KnownToken, TokenCache } from './token-cache.js';

const refuse = (message: string): ApiError => ApiError.of(apiCodes.unauthorized, message);

/** Turns the headers of a request into its caller. Reference: resources §1.1, decisions 29 and 30. */
export class Authenticator {
  constructor(
    private readonly tokens: TokenCache,
    private readonly oneTime: Pick<OneTimeCallers, 'authenticate'>,
  ) {}

  /** @throws ApiError 400, 401 or 403 */
  async authenticate(headers: IncomingHttpHeaders, nowMs: number): Promise<Caller> {
    const text = bearerOf(headers.authorization);
    if (OneTimeTokens.isOne(text)) {
      if (headers['integrator-ashareid']) {
        throw ApiError.of(apiCodes.access_restricted, 'A one-time token is for its own account only.');
      }
      return this.oneTime.authenticate(text, nowMs);
    }
    const known = await this.tokens.find(text, nowMs);
    if (!known) throw refuse('The bearer token is not valid.');
    const { token } = known;
    if (token.revoked) throw refuse('The bearer token was revoked.');
    if (token.expiresAt !== null && Date.parse(token.expiresAt) <= nowMs) throw refuse('The bearer token has expired.');
    return {
      accountId: accountOf(known, headers['integrator-ashareid']),
      userId: token.userId,
      tokenId: token._id,
      fullAccess: token.fullAccess,
      scopes: token.scopes,
    };
  }
}

function bearerOf(header: string | undefined): string {
  if (header === undefined) throw refuse('The header Authorization is missing.');
  const match = /^bearer +(\S.*)$/i.exec(header.trim());
  if (!match?.[1]) throw refuse('The header Authorization must be a bearer token.');
  if (/\s/.test(match[1])) {
    throw ApiError.of(apiCodes.bearer_authentication_failed, 'Bearer Authentication Failed: the header is malformed.');
  }
  return match[1];
}

function accountOf({ token, shares }: KnownToken, selected: string | string[] | undefined): string {
  if (selected === undefined || selected === '') {
    if (shares.length > 1) {
      throw ApiError.of(apiCodes.missing_header, 'Select an account with the header Integrator-AShareId.');
    }
    return token.accountId;
  }
  const share = shares.find(({ ashareId }) => ashareId === selected);
  if (!share) throw ApiError.of(apiCodes.access_restricted, 'Integrator-AShareId names no account shared with you.');
  return share.accountId;
}
