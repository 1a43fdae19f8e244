import type { OAuthToken, TokenStore } from '#connectors';
import type { TokenAnswer, TokenRequest } from '#connectors/tokens/token-exchange';
import type { Notice } from './protocol.js';

/**
 * Asks the main thread for tokens; refreshes here, where the connector is, when told that this worker holds the lock.
 */
export class WorkerTokens {
  readonly #notify: (notice: Notice) => void;
  readonly #open = new Map<number, (answer: TokenAnswer) => void>();
  #nextId = 1;

  constructor(notify: (notice: Notice) => void) {
    this.#notify = notify;
  }

  forAccount(accountId: string): TokenStore {
    return {
      current: (connectionId, staleVersion, refresh) => this.#current(accountId, connectionId, staleVersion, refresh),
    };
  }

  answered(requestId: number, answer: TokenAnswer): void {
    this.#open.get(requestId)?.(answer);
    this.#open.delete(requestId);
  }

  async #current(
    accountId: string,
    connectionId: string,
    staleVersion: number | null,
    refresh: Parameters<TokenStore['current']>[2],
  ): Promise<OAuthToken> {
    const answer = await this.#ask({ kind: 'current', accountId, connectionId, staleVersion });
    if (answer.kind === 'token') return answer.token;
    if (answer.kind === 'failed') throw new Error(answer.message);
    try {
      const token = await refresh(answer.previous);
      const stored = await this.#ask({ kind: 'refreshed', accountId, connectionId, token });
      if (stored.kind === 'token') return stored.token;
      throw new Error(stored.kind === 'failed' ? stored.message : 'The refreshed token was not stored.');
    } catch (error) {
      await this.#ask({ kind: 'refresh-failed', connectionId });
      throw error;
    }
  }

  #ask(request: TokenRequest): Promise<TokenAnswer> {
    const requestId = this.#nextId++;
    return new Promise((resolve) => {
      this.#open.set(requestId, resolve);
      this.#notify({ kind: 'token-request', requestId, request });
    });
  }
}
