import { describe, expect, it } from '@jest/globals';
import { newId, type JsonRecord } from '#model';
import type { DocumentType, StoredDocument } from '#store';
import type { Stores } from './fixture.js';

const documentOf = (fields: JsonRecord = {}): StoredDocument => ({ _id: newId(), name: 'a resource', ...fields });

export function documentClauses(stores: Stores): void {
  describe('documents', () => {
    it('gives back a document as it was stored, its keys in their order', async () => {
      const accountId = newId();
      const document = documentOf({ zulu: 1, alpha: { nested: [1, 'two', null, { x: true }] }, aa: 'ümläut 注文 🚀' });
      await stores.store.documents.insert(accountId, 'exports', document);
      const stored = await stores.other.documents.get(accountId, 'exports', document._id);
      expect(JSON.stringify(stored)).toBe(JSON.stringify(document));
    });

    it('stores texts that a database may refuse', async () => {
      const accountId = newId();
      const document = documentOf({ mockOutput: 'a\u0000b \uD83D', literal: '\\u0000' });
      await stores.store.documents.insert(accountId, 'exports', document);
      expect(await stores.store.documents.get(accountId, 'exports', document._id)).toMatchObject({
        mockOutput: 'a\uFFFDb \uFFFD',
        literal: '\\u0000',
      });
    });

    it('keeps a key named __proto__ data', async () => {
      const accountId = newId();
      const document = JSON.parse(`{"_id":"${newId()}","__proto__":{"polluted":1}}`) as StoredDocument;
      await stores.store.documents.insert(accountId, 'flows', document);
      const stored = await stores.store.documents.get(accountId, 'flows', document._id);
      expect(Object.keys(stored ?? {})).toEqual(['_id', '__proto__']);
      expect((stored as { polluted?: unknown }).polluted).toBeUndefined();
    });

    it('refuses a second document with the same id', async () => {
      const accountId = newId();
      const document = documentOf();
      await stores.store.documents.insert(accountId, 'imports', document);
      await expect(stores.store.documents.insert(accountId, 'imports', document)).rejects.toThrow();
    });

    it('shows an account nothing of another, nor a type anything of another', async () => {
      const [mine, theirs] = [newId(), newId()];
      const document = documentOf();
      const { documents } = stores.store;
      await documents.insert(mine, 'connections', document);
      const change = (current: StoredDocument) => ({ ...current, name: 'stolen' });
      for (const [account, type] of [
        [theirs, 'connections'],
        [mine, 'exports'],
      ] as const) {
        expect(await documents.get(account, type, document._id)).toBeNull();
        expect(await documents.getMany(account, type, [document._id])).toEqual([]);
        expect(await documents.update(account, type, document._id, change)).toBeNull();
        expect(await documents.remove(account, type, document._id)).toBe(false);
        expect((await documents.list(account, type, { skip: 0, limit: 10 })).rows).toEqual([]);
      }
      expect(await documents.get(mine, 'connections', document._id)).toEqual(document);
    });

    it('gets many by id, in any order, without those that are missing', async () => {
      const accountId = newId();
      const all = [documentOf(), documentOf(), documentOf()];
      for (const document of all) await stores.store.documents.insert(accountId, 'exports', document);
      const ids = [all[2]!._id, newId(), all[0]!._id, all[0]!._id];
      const found = await stores.store.documents.getMany(accountId, 'exports', ids);
      expect(found.map(({ _id }) => _id).sort()).toEqual([all[0]!._id, all[2]!._id].sort());
      expect(await stores.store.documents.getMany(accountId, 'exports', [])).toEqual([]);
    });

    describe('update', () => {
      it('loses none of many changes made at once', async () => {
        const accountId = newId();
        const document = documentOf({ writes: 0 });
        await stores.store.documents.insert(accountId, 'flows', document);
        const increment = (current: StoredDocument) => ({ ...current, writes: Number(current.writes) + 1 });
        await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            (i % 2 ? stores.store : stores.other).documents.update(accountId, 'flows', document._id, increment),
          ),
        );
        expect(await stores.store.documents.get(accountId, 'flows', document._id)).toMatchObject({ writes: 20 });
      });

      it('answers with the new document, and null when there is none', async () => {
        const accountId = newId();
        const document = documentOf();
        await stores.store.documents.insert(accountId, 'scripts', document);
        const rename = (current: StoredDocument) => ({ ...current, name: 'renamed' });
        expect(await stores.store.documents.update(accountId, 'scripts', document._id, rename)).toEqual({
          ...document,
          name: 'renamed',
        });
        expect(await stores.store.documents.update(accountId, 'scripts', newId(), rename)).toBeNull();
      });

      it('changes nothing when the change throws', async () => {
        const accountId = newId();
        const document = documentOf();
        await stores.store.documents.insert(accountId, 'scripts', document);
        const fails = () => {
          throw new Error('refused');
        };
        await expect(stores.store.documents.update(accountId, 'scripts', document._id, fails)).rejects.toThrow(
          'refused',
        );
        expect(await stores.store.documents.get(accountId, 'scripts', document._id)).toEqual(document);
      });

      it('refuses a change of the id', async () => {
        const accountId = newId();
        const document = documentOf();
        await stores.store.documents.insert(accountId, 'scripts', document);
        const rename = (current: StoredDocument) => ({ ...current, _id: newId() });
        await expect(stores.store.documents.update(accountId, 'scripts', document._id, rename)).rejects.toThrow();
      });
    });

    it('removes once, and shows nothing of it afterwards', async () => {
      const accountId = newId();
      const document = documentOf();
      const { documents } = stores.store;
      await documents.insert(accountId, 'integrations', document);
      expect(await documents.remove(accountId, 'integrations', document._id)).toBe(true);
      expect(await documents.remove(accountId, 'integrations', document._id)).toBe(false);
      expect(await documents.get(accountId, 'integrations', document._id)).toBeNull();
      expect((await documents.list(accountId, 'integrations', { skip: 0, limit: 10 })).rows).toEqual([]);
      expect(await documents.update(accountId, 'integrations', document._id, (current) => current)).toBeNull();
    });

    describe('list', () => {
      it('pages in order of creation and says whether more exist', async () => {
        const accountId = newId();
        const ids: string[] = [];
        for (let i = 0; i < 5; i++) {
          // Ids that do not sort by their time of creation.
          const document = documentOf({ _id: newId(Date.now() - i * 60_000) });
          ids.push(document._id);
          await stores.store.documents.insert(accountId, 'exports', document);
        }
        const page = async (skip: number, limit: number) => {
          const { rows, more } = await stores.store.documents.list(accountId, 'exports', { skip, limit });
          return [rows.map(({ _id }) => _id), more];
        };
        expect(await page(0, 2)).toEqual([ids.slice(0, 2), true]);
        expect(await page(2, 2)).toEqual([ids.slice(2, 4), true]);
        expect(await page(4, 2)).toEqual([ids.slice(4), false]);
        expect(await page(0, 5)).toEqual([ids, false]);
        expect(await page(9, 2)).toEqual([[], false]);
      });

      it.each<[string, Record<string, string | boolean | null>, string[]]>([
        ['a text', { adaptorType: 'HTTPExport' }, ['a', 'b']],
        ['two fields', { adaptorType: 'HTTPExport', _integrationId: 'i1' }, ['a']],
        ['true', { disabled: true }, ['b']],
        ['false, which absent fields imply', { disabled: false }, ['a', 'c']],
        ['null, which absent fields are', { _integrationId: null }, ['b', 'c']],
        ['a text that no document holds', { adaptorType: `'; drop table documents; --` }, []],
        ['a field that no document holds', { [`"' || x`]: 'y' }, []],
      ])('filters by %s', async (_what, where, expected) => {
        const accountId = newId();
        const all = {
          a: { adaptorType: 'HTTPExport', _integrationId: 'i1', disabled: false },
          b: { adaptorType: 'HTTPExport', _integrationId: null, disabled: true },
          c: { adaptorType: 'FTPExport' },
        };
        for (const [name, fields] of Object.entries(all)) {
          await stores.store.documents.insert(accountId, 'exports', documentOf({ name, ...fields }));
        }
        const { rows } = await stores.store.documents.list(accountId, 'exports', { where, skip: 0, limit: 10 });
        expect(rows.map(({ name }) => name)).toEqual(expected);
      });
    });

    describe('scheduled flows', () => {
      const scheduled = async (accountId: string) =>
        (await stores.store.documents.scheduledFlows())
          .filter((row) => row.accountId === accountId)
          .map(({ flow }) => flow.name);

      it('are the enabled flows with a schedule of their own or of a generator', async () => {
        const accountId = newId();
        const flows = [
          { name: 'by flow', schedule: '? 0 2 ? * *' },
          { name: 'by generator', pageGenerators: [{ _exportId: newId() }, { schedule: '? 5 * ? * *' }] },
          { name: 'explicitly enabled', schedule: '? 0 2 ? * *', disabled: false },
          { name: 'disabled', schedule: '? 0 2 ? * *', disabled: true },
          { name: 'no schedule', pageGenerators: [{ _exportId: newId() }] },
          { name: 'empty schedule', schedule: '' },
          { name: 'null schedule', schedule: null, pageGenerators: [{ schedule: null }] },
          { name: 'removed', schedule: '? 0 2 ? * *' },
        ].map(documentOf);
        for (const flow of flows) await stores.store.documents.insert(accountId, 'flows', flow);
        await stores.store.documents.insert(
          accountId,
          'exports',
          documentOf({ name: 'no flow', schedule: '? 0 2 ? * *' }),
        );
        await stores.store.documents.remove(accountId, 'flows', flows.at(-1)!._id);
        expect(await scheduled(accountId)).toEqual(['by flow', 'by generator', 'explicitly enabled']);
      });

      it('have a version that grows with every write of a flow and stands still otherwise', async () => {
        const accountId = newId();
        const { documents } = stores.store;
        const flow = documentOf({ schedule: '? 0 2 ? * *' });
        const versions = [BigInt(await documents.flowsVersion())];
        const note = async () => versions.push(BigInt(await stores.other.documents.flowsVersion()));
        await documents.insert(accountId, 'flows', flow);
        await note();
        await documents.update(accountId, 'flows', flow._id, (current) => ({ ...current, disabled: true }));
        await note();
        await documents.remove(accountId, 'flows', flow._id);
        await note();
        for (let i = 1; i < versions.length; i++) expect(versions[i]).toBeGreaterThan(versions[i - 1]!);

        const others: DocumentType[] = ['connections', 'exports', 'imports', 'integrations', 'scripts'];
        for (const type of others) await documents.insert(accountId, type, documentOf());
        expect(await documents.remove(accountId, 'flows', flow._id)).toBe(false);
        expect(BigInt(await documents.flowsVersion())).toBe(versions.at(-1));
      });
    });
  });
}
