import { describe, expect, it } from '@jest/globals';
import { type JsonValue, newId } from '#model';
import type { Stores } from './fixture.js';

export function stateClauses(stores: Stores): void {
  describe('state', () => {
    it('is created, replaced, read and deleted by key', async () => {
      const accountId = newId();
      expect(await stores.store.state.get(accountId, 'a')).toBeUndefined();
      expect(await stores.store.state.put(accountId, 'a', 1, 10)).toBe('created');
      expect(await stores.store.state.put(accountId, 'a', [2], 10)).toBe('replaced');
      expect(await stores.store.state.get(accountId, 'a')).toEqual([2]);
      expect(await stores.store.state.delete(accountId, 'a')).toBe(true);
      expect(await stores.store.state.delete(accountId, 'a')).toBe(false);
      expect(await stores.store.state.get(accountId, 'a')).toBeUndefined();
    });

    it('belongs to its account', async () => {
      const [mine, other] = [newId(), newId()];
      await stores.store.state.put(mine, 'a', 'mine', 1);
      await stores.store.state.put(other, 'a', 'other', 1);
      expect(await stores.store.state.get(mine, 'a')).toBe('mine');
      await stores.store.state.delete(other, 'a');
      expect(await stores.store.state.get(mine, 'a')).toBe('mine');
      expect(await stores.store.state.keys(other)).toEqual([]);
    });

    it('is emptied for one account', async () => {
      const [mine, other] = [newId(), newId()];
      for (const accountId of [mine, other]) await stores.store.state.put(accountId, 'a', 1, 1);
      await stores.store.state.clear(mine);
      expect(await stores.store.state.keys(mine)).toEqual([]);
      expect(await stores.store.state.keys(other)).toEqual(['a']);
    });

    it('takes no more keys than it may, and goes on replacing', async () => {
      const accountId = newId();
      for (const key of ['b', 'a']) expect(await stores.store.state.put(accountId, key, 0, 2)).toBe('created');
      expect(await stores.store.state.put(accountId, 'c', 0, 2)).toBe('full');
      expect(await stores.store.state.put(accountId, 'b', 1, 2)).toBe('replaced');
      expect(await stores.store.state.keys(accountId)).toEqual(['a', 'b']);
    });

    it.each<[string, JsonValue]>([
      ['plain', null],
      ['__proto__', { constructor: 1 }],
      ['quote \' and "', "' or 1=1; --"],
      ['zero \0 and half \ud800', '\0\ud800\u2028'],
      ['order', { b: 1, a: 2 }],
      ['ü'.repeat(256), 1e308],
    ])('gives keys and values back as they were: %s', async (key, value) => {
      const accountId = newId();
      await stores.store.state.put(accountId, key, value, 10);
      expect(JSON.stringify(await stores.store.state.get(accountId, key))).toBe(JSON.stringify(value));
      expect(await stores.store.state.keys(accountId)).toEqual([key]);
    });
  });
}
