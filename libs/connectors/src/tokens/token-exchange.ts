/** How a thread asks the {@link TokenBroker} of its process for a connection's token; plain data, it crosses threads. */

export interface TokenFields {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly expiresAt?: string;
}

export type TokenRequest =
  | {
      readonly kind: 'current';
      readonly accountId: string;
      readonly connectionId: string;
      readonly staleVersion: number | null;
    }
  | {
      readonly kind: 'refreshed';
      readonly accountId: string;
      readonly connectionId: string;
      readonly token: TokenFields;
    }
  | { readonly kind: 'refresh-failed'; readonly connectionId: string };

export type TokenAnswer =
  | { readonly kind: 'token'; readonly token: TokenFields & { readonly version: number } }
  /** This worker holds the refresh lock: it refreshes and reports. */
  | { readonly kind: 'refresh'; readonly previous: (TokenFields & { readonly version: number }) | null }
  | { readonly kind: 'failed'; readonly message: string };
