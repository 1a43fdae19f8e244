import { Inject, Injectable } from '@nestjs/common';
import { ApiError } from '#failures';
import { type JsonRecord, mask, tokenScopes } from '#model';
import { createToken, hashToken } from '#security';
import type { StoredDocument, TokenRow } from '#store';
import { TokenCache } from '../auth/token-cache.js';
import { apiCodes } from '../codes.js';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import type { TypeExtras } from '../resources/type-extras.js';

/**
 * The token itself is shown once, in the answer of its creation; only its SHA-256 is kept. A token must be revoked
 * before it is deleted. Reference: resources §21.
 */
@Injectable()
export class AccessTokenExtras implements TypeExtras {
  readonly type = 'accesstokens';

  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(TokenCache) private readonly cache: TokenCache,
  ) {}

  async created(caller: Caller, stored: StoredDocument): Promise<JsonRecord> {
    const token = createToken();
    const row: TokenRow = {
      _id: stored._id,
      accountId: caller.accountId,
      userId: caller.userId,
      ...rightsOf(stored),
    };
    await this.deps.store.accounts.putToken(row, hashToken(token));
    return { token };
  }

  /** The right is taken before the document says so: a crash in between leaves less access, never more. */
  async replacing(caller: Caller, id: string, document: JsonRecord): Promise<void> {
    await this.deps.store.accounts.updateToken(caller.accountId, id, rightsOf(document));
    this.cache.forget(id);
  }

  async removing(caller: Caller, stored: StoredDocument): Promise<void> {
    if (stored['revoked'] !== true) {
      throw ApiError.of(apiCodes.not_allowed, 'Revoke the token before deleting it.', 'revoked');
    }
    await this.deps.store.accounts.removeToken(caller.accountId, stored._id);
    this.cache.forget(stored._id);
  }

  present(document: JsonRecord): JsonRecord {
    return { ...document, token: mask };
  }
}

function rightsOf(document: JsonRecord): Pick<TokenRow, 'revoked' | 'expiresAt' | 'fullAccess' | 'scopes'> {
  const scopes: Record<string, readonly string[]> = {};
  for (const scope of tokenScopes) {
    const ids = document[scope];
    if (Array.isArray(ids)) scopes[scope] = ids.filter((id): id is string => typeof id === 'string');
  }
  const purgeAt = document['autoPurgeAt'];
  return {
    revoked: document['revoked'] === true,
    expiresAt: typeof purgeAt === 'string' ? new Date(purgeAt).toISOString() : null,
    fullAccess: document['fullAccess'] === true,
    scopes,
  };
}
