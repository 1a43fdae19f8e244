import type { MikroORM } from '@mikro-orm/postgresql';
import { newId } from '#model';
import type { AccountRow, Accounts, TokenRow } from '../ports.js';
import { AccessToken, Account, Ashare, User } from './entities/index.js';
import { isoOrNull } from './times.js';

export function createAccounts(orm: MikroORM): Accounts {
  const fork = () => orm.em.fork();

  return {
    async ensure(name, tokenSha256) {
      const existing = await fork().findOne(Account, { name });
      if (existing) return { account: toRow(existing), created: false };
      const account: AccountRow = { _id: newId(), name, ownerUserId: newId() };
      const created = await fork().transactional(async (em) => {
        // Two services may start at once: the row of the name decides who makes the rest.
        const row = { id: account._id, name, ownerUserId: account.ownerUserId, createdAt: new Date() };
        const inserted = await em.createQueryBuilder(Account).insert(row).onConflict(['name']).ignore().execute('run');
        if (inserted.affectedRows === 0) return false;
        await em.insert(User, { id: account.ownerUserId, name });
        await em.insert(Ashare, {
          id: newId(),
          accountId: account._id,
          userId: account.ownerUserId,
          accessLevel: 'owner',
        });
        await em.insert(AccessToken, {
          id: newId(),
          accountId: account._id,
          userId: account.ownerUserId,
          sha256: tokenSha256,
          fullAccess: true,
          scopes: {},
        });
        return true;
      });
      if (created) return { account, created };
      return { account: toRow(await fork().findOneOrFail(Account, { name })), created };
    },

    async isEmpty() {
      return (await fork().find(Account, {}, { limit: 1 })).length === 0;
    },

    async get(id) {
      const row = await fork().findOne(Account, { id });
      return row && toRow(row);
    },

    async sharesOf(userId) {
      const rows = await fork().find(Ashare, { userId }, { orderBy: { createdAt: 'asc', id: 'asc' } });
      return rows.map((row) => ({ ashareId: row.id, accountId: row.accountId }));
    },

    async tokenByHash(sha256) {
      const row = await fork().findOne(AccessToken, { sha256 });
      if (!row) return null;
      return {
        _id: row.id,
        accountId: row.accountId,
        userId: row.userId,
        revoked: row.revoked,
        expiresAt: isoOrNull(row.expiresAt),
        fullAccess: row.fullAccess,
        scopes: row.scopes,
      };
    },

    async putToken(token, sha256) {
      await fork().insert(AccessToken, {
        id: token._id,
        accountId: token.accountId,
        userId: token.userId,
        sha256,
        revoked: token.revoked,
        expiresAt: token.expiresAt === null ? null : new Date(token.expiresAt),
        fullAccess: token.fullAccess,
        scopes: token.scopes,
      });
    },

    async updateToken(accountId, tokenId, change) {
      const values = changeable(change);
      if (Object.keys(values).length > 0) await fork().nativeUpdate(AccessToken, { id: tokenId, accountId }, values);
    },

    async removeToken(accountId, tokenId) {
      await fork().nativeDelete(AccessToken, { id: tokenId, accountId });
    },
  };
}

type Changeable = Pick<TokenRow, 'revoked' | 'expiresAt' | 'fullAccess' | 'scopes'>;

function changeable({ revoked, expiresAt, fullAccess, scopes }: Partial<Changeable>) {
  return {
    ...(revoked !== undefined && { revoked }),
    ...(expiresAt !== undefined && { expiresAt: expiresAt === null ? null : new Date(expiresAt) }),
    ...(fullAccess !== undefined && { fullAccess }),
    ...(scopes !== undefined && { scopes }),
  };
}

function toRow(row: { id: string; name: string; ownerUserId: string }): AccountRow {
  return { _id: row.id, name: row.name, ownerUserId: row.ownerUserId };
}
