import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newId } from '#model';
import type { TokenRow } from '#store';
import type { Stores } from './fixture.js';

const hash = () => randomBytes(32).toString('hex');

export function accountClauses(stores: Stores): void {
  describe('accounts', () => {
    it('is empty until the first account is made', async () => {
      expect(await stores.store.accounts.isEmpty()).toBe(true);
      await stores.store.accounts.ensure(`first ${newId()}`, hash());
      expect(await stores.store.accounts.isEmpty()).toBe(false);
    });

    it('makes an account with an owner, a share and a full token', async () => {
      const sha256 = hash();
      const name = `Acme ${newId()}`;
      const { account, created } = await stores.store.accounts.ensure(name, sha256);
      expect(created).toBe(true);
      expect(account.name).toBe(name);
      expect(await stores.other.accounts.get(account._id)).toEqual(account);
      expect(await stores.other.accounts.tokenByHash(sha256)).toMatchObject({
        accountId: account._id,
        userId: account.ownerUserId,
        revoked: false,
        expiresAt: null,
        fullAccess: true,
        scopes: {},
      });
      const shares = await stores.other.accounts.sharesOf(account.ownerUserId);
      expect(shares.map(({ accountId }) => accountId)).toEqual([account._id]);
    });

    it('changes nothing when the account exists, whatever the token', async () => {
      const [first, later] = [hash(), hash()];
      const name = `Again ${newId()}`;
      const { account } = await stores.store.accounts.ensure(name, first);
      expect(await stores.store.accounts.ensure(name, later)).toEqual({ account, created: false });
      expect(await stores.store.accounts.tokenByHash(later)).toBeNull();
    });

    it('makes one account when services start at once', async () => {
      const name = `Race ${newId()}`;
      const sha256 = hash();
      const results = await Promise.all(
        Array.from({ length: 8 }, (_, i) => (i % 2 ? stores.store : stores.other).accounts.ensure(name, sha256)),
      );
      expect(results.filter(({ created }) => created)).toHaveLength(1);
      expect(new Set(results.map(({ account }) => account._id)).size).toBe(1);
    });

    it('knows nothing of unknown ids and hashes', async () => {
      expect(await stores.store.accounts.get(newId())).toBeNull();
      expect(await stores.store.accounts.tokenByHash(hash())).toBeNull();
      expect(await stores.store.accounts.sharesOf(newId())).toEqual([]);
    });

    it('stores, changes and removes tokens, each only for its account', async () => {
      const sha256 = hash();
      const token: TokenRow = {
        _id: newId(),
        accountId: newId(),
        userId: newId(),
        revoked: false,
        expiresAt: '2031-02-03T04:05:06.789Z',
        fullAccess: false,
        scopes: { _exportIds: [newId()], _connectionIds: [] },
      };
      const { accounts } = stores.store;
      await accounts.putToken(token, sha256);
      expect(await accounts.tokenByHash(sha256)).toEqual(token);

      await accounts.updateToken(newId(), token._id, { revoked: true });
      await accounts.removeToken(newId(), token._id);
      expect(await accounts.tokenByHash(sha256)).toEqual(token);

      await accounts.updateToken(token.accountId, token._id, { revoked: true, expiresAt: null });
      expect(await accounts.tokenByHash(sha256)).toEqual({ ...token, revoked: true, expiresAt: null });
      await accounts.updateToken(token.accountId, token._id, {});
      await accounts.removeToken(token.accountId, token._id);
      expect(await accounts.tokenByHash(sha256)).toBeNull();
    });

    it('refuses a second token with the same hash', async () => {
      const sha256 = hash();
      await stores.store.accounts.ensure(`Owner ${newId()}`, sha256);
      await expect(stores.store.accounts.ensure(`Thief ${newId()}`, sha256)).rejects.toThrow();
    });
  });
}
