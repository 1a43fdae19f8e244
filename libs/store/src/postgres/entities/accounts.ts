import { defineEntity, p } from '@mikro-orm/core';

/** The tenant. */
export const Account = defineEntity({
  name: 'Account',
  tableName: 'accounts',
  properties: {
    id: p.text().primary(),
    name: p.text().unique('accounts_name_unique'),
    ownerUserId: p.text(),
    createdAt: p
      .datetime(3)
      .defaultRaw('now()')
      .onCreate(() => new Date()),
  },
});

export const User = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: p.text().primary(),
    name: p.text(),
    createdAt: p
      .datetime(3)
      .defaultRaw('now()')
      .onCreate(() => new Date()),
  },
});

/** What lets a user act in an account; the owner has one too. Reference: resources §1.1. */
export const Ashare = defineEntity({
  name: 'Ashare',
  tableName: 'ashares',
  properties: {
    id: p.text().primary(),
    accountId: p.text(),
    userId: p.text(),
    accessLevel: p.text(),
    createdAt: p
      .datetime(3)
      .defaultRaw('now()')
      .onCreate(() => new Date()),
  },
  uniques: [{ name: 'ashares_user_account_unique', properties: ['userId', 'accountId'] }],
});

/** Only the hash of a token is kept. */
export const AccessToken = defineEntity({
  name: 'AccessToken',
  tableName: 'access_tokens',
  properties: {
    id: p.text().primary(),
    accountId: p.text().index('access_tokens_account_id_index'),
    userId: p.text(),
    sha256: p.text().unique('access_tokens_sha256_unique'),
    revoked: p.boolean().default(false),
    expiresAt: p.datetime(3).nullable(),
    fullAccess: p.boolean(),
    scopes: p.json<Readonly<Record<string, readonly string[]>>>(),
    createdAt: p
      .datetime(3)
      .defaultRaw('now()')
      .onCreate(() => new Date()),
  },
});
