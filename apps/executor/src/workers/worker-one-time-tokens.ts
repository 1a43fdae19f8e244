import type { Clock, OneTimeToken, OneTimeTokenIssuer } from '#connectors';
import { newId } from '#model';
import type { OneTimeTokens } from '#security';

/** Reference: resources §1.1. */
const lifetimeMs = 15 * 60_000;

export interface OneTimeTokenParts {
  readonly tokens: Pick<OneTimeTokens, 'issue'>;
  readonly executorId: string;
  readonly clock: Clock;
}

/** Issues the tokens of functions of stacks, and knows which of these this worker still waits for. */
export class WorkerOneTimeTokens {
  readonly #open = new Set<string>();

  constructor(private readonly parts: OneTimeTokenParts) {}

  forAccount(accountId: string): OneTimeTokenIssuer {
    return { issue: (integrationId) => this.#issue(accountId, integrationId) };
  }

  isOpen(callId: string): boolean {
    return this.#open.has(callId);
  }

  #issue(accountId: string, integrationId: string | null): OneTimeToken {
    const { tokens, executorId, clock } = this.parts;
    const now = clock.now();
    const callId = newId(now);
    this.#open.add(callId);
    return {
      text: tokens.issue({ accountId, integrationId, executorId, callId, expiresAtMs: now + lifetimeMs }),
      end: () => void this.#open.delete(callId),
    };
  }
}
