import { Signer } from './signer.js';

/** What a one-time token says. Reference: resources §1.1. */
export interface OneTimeClaims {
  readonly accountId: string;
  /** whose exports and imports it may invoke; null: none */
  readonly integrationId: string | null;
  /** names the executor that waits for the function */
  readonly executorId: string;
  /** names the call of the function: the token is good while that is under way */
  readonly callId: string;
  /** epoch ms, whatever the call does */
  readonly expiresAtMs: number;
}

const prefix = 'mrone_';
const purpose = 'millrace/one-time-token';
const maxLength = 2_000;

/**
 * Bearer tokens for functions of stacks. They carry all that they allow, signed, and are stored nowhere; whether the call
 * is still under way is known by whoever waits for it.
 */
export class OneTimeTokens {
  readonly #signer: Signer;

  private constructor(signer: Signer) {
    this.#signer = signer;
  }

  /** @param keyring as of {@link Signer.fromKeyring} */
  static fromKeyring(keyring: string): OneTimeTokens {
    return new OneTimeTokens(Signer.fromKeyring(keyring, purpose));
  }

  /** Whether a bearer token has the form of these. Says nothing about whether it is good. */
  static isOne(token: string): boolean {
    return token.startsWith(prefix);
  }

  issue(claims: OneTimeClaims): string {
    const parts = partsOf(claims);
    const text = JSON.stringify([...parts, this.#signer.sign(parts)]);
    return prefix + Buffer.from(text).toString('base64url');
  }

  /** @returns null for what this keyring did not issue */
  read(token: string): OneTimeClaims | null {
    const [accountId, integrationId, executorId, callId, expiresAtMs, signature] = textsIn(token);
    if (signature === undefined) return null;
    const claims: OneTimeClaims = {
      accountId: accountId!,
      integrationId: integrationId === '' ? null : integrationId!,
      executorId: executorId!,
      callId: callId!,
      expiresAtMs: Number(expiresAtMs),
    };
    return this.#signer.isValid(signature, partsOf(claims)) ? claims : null;
  }
}

function partsOf({ accountId, integrationId, executorId, callId, expiresAtMs }: OneTimeClaims): string[] {
  return [accountId, integrationId ?? '', executorId, callId, String(expiresAtMs)];
}

/** As hostile as the header that it comes in; nothing for what is no list of texts. */
function textsIn(token: string): readonly string[] {
  if (token.length > maxLength) return [];
  let texts: unknown;
  try {
    texts = JSON.parse(Buffer.from(token.slice(prefix.length), 'base64url').toString('utf8'));
  } catch {
    return [];
  }
  return Array.isArray(texts) && texts.every((text) => typeof text === 'string') ? texts : [];
}
