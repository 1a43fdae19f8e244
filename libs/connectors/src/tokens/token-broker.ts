import type { Bus } from '#bus';
import { connectionSecrets, isRecord, openSecrets, sealSecrets } from '#model';
import { SecretBox } from '#security/secret-box';
import type { Documents, StoredDocument } from '#store';
import type { Clock, OAuthToken, TokenStore } from '../ports.js';
import type { TokenAnswer, TokenFields, TokenRequest } from './token-exchange.js';

const lockTtlMs = 60_000;
const pollMs = 100;
const waitMs = 90_000;
const cacheTtlMs = 7 * 24 * 60 * 60_000;
/** Field that the sealed cache entry is bound to; it is no path of the document. */
const cacheField = 'token-cache';

interface Parts {
  readonly bus: Pick<Bus, 'leases'>;
  readonly documents: Pick<Documents, 'get' | 'update'>;
  readonly clock: Clock;
  readonly instance: string;
  /** Absent: tokens stay in this process, because nothing is stored unsealed (P7). */
  readonly keyring?: string;
}

/**
 * Tokens of connections, one refresh at a time for the whole cluster: a lease is the lock, a sealed lease entry the
 * cache, and the connection's document the durable home (decision 17), so that a rotated refresh token survives everything.
 */
export class TokenBroker {
  readonly #parts: Parts;
  readonly #box: SecretBox | null;
  readonly #memory = new Map<string, OAuthToken>();
  readonly #locks = new Map<string, string>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#box = parts.keyring === undefined ? null : SecretBox.fromKeyring(parts.keyring);
  }

  /** For callers in this thread. */
  forAccount(accountId: string): TokenStore {
    return {
      current: async (connectionId, staleVersion, refresh) => {
        const answer = await this.#current(accountId, connectionId, staleVersion);
        if (answer.kind === 'token') return answer.token;
        if (answer.kind === 'failed') throw new Error(answer.message);
        try {
          const stored = await this.#refreshed(accountId, connectionId, await refresh(answer.previous));
          if (stored.kind === 'token') return stored.token;
          throw new Error('The refreshed token was not stored.');
        } catch (error) {
          await this.#unlock(connectionId);
          throw error;
        }
      },
    };
  }

  async answer(request: TokenRequest): Promise<TokenAnswer> {
    try {
      switch (request.kind) {
        case 'current':
          return await this.#current(request.accountId, request.connectionId, request.staleVersion);
        case 'refreshed':
          return await this.#refreshed(request.accountId, request.connectionId, request.token);
        default:
          await this.#unlock(request.connectionId);
          return { kind: 'failed', message: 'The refresh failed.' };
      }
    } catch (error) {
      return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
  }

  async #current(accountId: string, connectionId: string, staleVersion: number | null): Promise<TokenAnswer> {
    const { bus, clock, instance } = this.#parts;
    const deadline = clock.now() + waitMs;
    for (;;) {
      const known = await this.#known(accountId, connectionId, staleVersion);
      if (known && known.version !== staleVersion) return { kind: 'token', token: known };
      const lock = await bus.leases.put(lockName(connectionId), instance, null, lockTtlMs);
      if (lock) {
        this.#locks.set(connectionId, lock.revision);
        // Whoever held the lock before may have refreshed between the look and the lock.
        const fresh = await this.#known(accountId, connectionId, staleVersion);
        if (!fresh || fresh.version === staleVersion) return { kind: 'refresh', previous: fresh };
        await this.#unlock(connectionId);
        return { kind: 'token', token: fresh };
      }
      if (clock.now() >= deadline) throw new Error('The token of the connection is being refreshed for too long.');
      await clock.sleep(pollMs);
    }
  }

  async #refreshed(accountId: string, connectionId: string, token: TokenFields): Promise<TokenAnswer> {
    const { bus, clock } = this.#parts;
    const previous = this.#memory.get(connectionId)?.version ?? 0;
    const versioned: OAuthToken = { ...token, version: Math.max(clock.now(), previous + 1) };
    this.#memory.set(connectionId, versioned);
    if (this.#box) {
      await this.#storeInDocument(accountId, connectionId, token);
      const value = this.#box.seal(JSON.stringify(versioned), placeOf(accountId, connectionId));
      const name = cacheName(connectionId);
      for (let entry = await bus.leases.get(name); ; entry = await bus.leases.get(name)) {
        if (await bus.leases.put(name, value, entry?.revision ?? null, cacheTtlMs)) break;
      }
    }
    await this.#unlock(connectionId);
    return { kind: 'token', token: versioned };
  }

  /** In memory, in the cluster's cache, in the document: the first that is not the stale one. */
  async #known(accountId: string, connectionId: string, staleVersion: number | null): Promise<OAuthToken | null> {
    const here = this.#memory.get(connectionId);
    if (here && here.version !== staleVersion) return here;
    const cached = await this.#cached(accountId, connectionId);
    const token = cached ?? here ?? (await this.#fromDocument(accountId, connectionId));
    if (token && token.version !== staleVersion) this.#memory.set(connectionId, token);
    return token;
  }

  async #cached(accountId: string, connectionId: string): Promise<OAuthToken | null> {
    const entry = this.#box ? await this.#parts.bus.leases.get(cacheName(connectionId)) : null;
    if (!entry || !this.#box) return null;
    return JSON.parse(this.#box.open(entry.value, placeOf(accountId, connectionId))) as OAuthToken;
  }

  async #fromDocument(accountId: string, connectionId: string): Promise<OAuthToken | null> {
    const document = await this.#parts.documents.get(accountId, 'connections', connectionId);
    if (!document) return null;
    const box = this.#box;
    const open = openSecrets(document, connectionSecrets, (text, field) =>
      box && SecretBox.isSealed(text) ? box.open(text, { accountId, resourceId: connectionId, field }) : null,
    );
    const token = tokenNode(open);
    const accessToken = token?.['token'];
    if (typeof accessToken !== 'string' || accessToken === '') return null;
    const refreshToken = token?.['refreshToken'];
    return { accessToken, version: 0, ...(typeof refreshToken === 'string' ? { refreshToken } : {}) };
  }

  async #storeInDocument(accountId: string, connectionId: string, token: TokenFields): Promise<void> {
    const box = this.#box;
    if (!box) return;
    await this.#parts.documents.update(accountId, 'connections', connectionId, (current) => {
      const http = isRecord(current['http']) ? current['http'] : {};
      const auth = isRecord(http['auth']) ? http['auth'] : {};
      const fields = {
        token: token.accessToken,
        ...(token.refreshToken === undefined ? {} : { refreshToken: token.refreshToken }),
      };
      const sealed = sealSecrets({ http: { auth: { token: fields } } }, connectionSecrets, (plaintext, field) =>
        box.seal(plaintext, { accountId, resourceId: connectionId, field }),
      );
      const merged = { ...(isRecord(auth['token']) ? auth['token'] : {}), ...sealed.http.auth.token };
      return { ...current, http: { ...http, auth: { ...auth, token: merged } } };
    });
  }

  async #unlock(connectionId: string): Promise<void> {
    const revision = this.#locks.get(connectionId);
    this.#locks.delete(connectionId);
    if (revision !== undefined) await this.#parts.bus.leases.release(lockName(connectionId), revision);
  }
}

function tokenNode(document: StoredDocument): Record<string, unknown> | null {
  const http = document['http'];
  const auth = isRecord(http) ? http['auth'] : undefined;
  const token = isRecord(auth) ? auth['token'] : undefined;
  return isRecord(token) ? token : null;
}

function lockName(connectionId: string): string {
  return `token-lock.${connectionId}`;
}

function cacheName(connectionId: string): string {
  return `token.${connectionId}`;
}

function placeOf(accountId: string, connectionId: string) {
  return { accountId, resourceId: connectionId, field: cacheField };
}
