import { LockMode, type EntityManager, type MikroORM } from '@mikro-orm/postgresql';
import { raw } from '@mikro-orm/core';
import type { Pool } from 'pg';
import type { DocumentQuery, Documents, DocumentType, StoredDocument } from '../ports.js';
import { ChangeCounter, Document } from './entities/index.js';
import { jsonOf, prepared, run } from './statement.js';
import { storableJson, storableText } from './storable.js';

/** The condition of `documents_schedulable_index`. */
const schedulable = `(jsonb_path_exists(doc::jsonb, '$.schedule') or jsonb_path_exists(doc::jsonb, '$.pageGenerators[*].schedule'))`;

/** Counts writes to flows; see {@link Documents.flowsVersion}. */
const flowsCounter = 'flows';

/** Every run reads its flow and what that refers to, so this is a prepared statement without mapping of entities. */
const readSql = prepared(
  'select doc from documents where account_id = $1 and type = $2 and id = any($3::text[]) and deleted_at is null',
);

/**
 * Resources as documents. U+0000 and half surrogate pairs in texts become U+FFFD, because the filters' index cannot
 * hold them.
 */
export function createDocuments(orm: MikroORM, pool: Pool): Documents {
  const fork = () => orm.em.fork();
  const read = async (accountId: string, type: DocumentType, ids: readonly string[]): Promise<StoredDocument[]> => {
    const { rows } = await run<{ doc: StoredDocument | string }>(pool, readSql, [accountId, type, ids]);
    return rows.map(({ doc }) => jsonOf(doc));
  };
  const live = (accountId: string, type: DocumentType) => ({ accountId, type, deletedAt: null });

  return {
    async insert(accountId, type, document) {
      await fork().transactional(async (em) => {
        await em.insert(Document, { accountId, type, id: document._id, doc: storableJson(document) });
        await noteChange(em, type);
      });
    },

    async get(accountId, type, id) {
      const [document] = await read(accountId, type, [id]);
      return document ?? null;
    },

    getMany: (accountId, type, ids) => read(accountId, type, [...new Set(ids)]),

    async update(accountId, type, id, change) {
      return fork().transactional(async (em) => {
        const where = { ...live(accountId, type), id };
        const row = await em.findOne(Document, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
        if (!row) return null;
        const changed = storableJson(change(row.doc));
        if (changed._id !== id) throw new Error(`A change of ${type} ${id} may not rename it to ${changed._id}`);
        await em.nativeUpdate(Document, where, { doc: changed, modifiedAt: new Date() });
        await noteChange(em, type);
        return changed;
      });
    },

    async remove(accountId, type, id) {
      return fork().transactional(async (em) => {
        const removed = await em.nativeUpdate(Document, { ...live(accountId, type), id }, { deletedAt: new Date() });
        if (removed > 0) await noteChange(em, type);
        return removed > 0;
      });
    },

    async list(accountId, type, query) {
      const rows = await fork().find(
        Document,
        { ...live(accountId, type), $and: conditions(query.where ?? {}) },
        { orderBy: { createdAt: 'asc', id: 'asc' }, offset: query.skip, limit: query.limit + 1 },
      );
      return { rows: rows.slice(0, query.limit).map((row) => row.doc), more: rows.length > query.limit };
    },

    async scheduledFlows() {
      const rows = await fork().find(
        Document,
        {
          type: 'flows',
          deletedAt: null,
          $and: [
            // As in the index that serves it, so that this costs nothing while few flows of many have a schedule.
            { [raw(schedulable)]: true },
            ...conditions({ disabled: false }),
          ],
        },
        { orderBy: { createdAt: 'asc', id: 'asc' } },
      );
      return rows.filter((row) => hasSchedule(row.doc)).map((row) => ({ accountId: row.accountId, flow: row.doc }));
    },

    async flowsVersion() {
      const row = await fork().findOne(ChangeCounter, { name: flowsCounter });
      return row?.value ?? '0';
    },
  };
}

/** The counter's row lock makes versions grow in the order of commits, so that a poller can miss no change. */
async function noteChange(em: EntityManager, type: DocumentType): Promise<void> {
  if (type !== 'flows') return;
  await em.execute(
    'insert into change_counters (name, value) values (?, 1) on conflict (name) do update set value = change_counters.value + 1',
    [flowsCounter],
  );
}

/** Defaults are implied in documents (decision 33), so `false` also finds those without the field; `null` finds both. */
function conditions(where: NonNullable<DocumentQuery['where']>) {
  return Object.entries(where).map(([field, value]) => {
    if (value === null) return { [raw(`(coalesce(doc::jsonb -> ?, 'null') = 'null')`, [storableText(field)])]: true };
    const holds = JSON.stringify(storableJson({ [field]: value === false ? true : value }));
    return { [raw('(doc::jsonb @> ?::jsonb)', [holds])]: value !== false };
  });
}

function hasSchedule(flow: StoredDocument): boolean {
  const isSet = (value: unknown) => typeof value === 'string' && value.trim() !== '';
  if (isSet(flow.schedule)) return true;
  const generators = flow.pageGenerators;
  return Array.isArray(generators) && generators.some((generator) => isSet(generator?.schedule));
}
