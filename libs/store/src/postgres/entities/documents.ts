import { defineEntity, p } from '@mikro-orm/core';
import type { StoredDocument } from '../../ports.js';

/** A resource of an account, whole, as the API shows it (secrets sealed). */
export const Document = defineEntity({
  name: 'Document',
  tableName: 'documents',
  properties: {
    accountId: p.text().primary(),
    type: p.text().primary(),
    id: p.text().primary(),
    /** `json`, not `jsonb`: keys stay in the order in which the client sent them. */
    doc: p.json<StoredDocument>().columnType('json'),
    /** Microseconds of the database's clock: the order of lists. */
    createdAt: p.datetime(6).defaultRaw('clock_timestamp()'),
    modifiedAt: p.datetime(3).defaultRaw('now()'),
    deletedAt: p.datetime(3).nullable(),
  },
  indexes: [
    {
      name: 'documents_list_index',
      properties: ['accountId', 'type', 'createdAt', 'id'],
      where: 'deleted_at is null',
    },
    {
      name: 'documents_doc_index',
      expression: 'create index "documents_doc_index" on "documents" using gin (("doc"::jsonb) jsonb_path_ops)',
    },
    {
      name: 'documents_schedulable_index',
      expression:
        `create index "documents_schedulable_index" on "documents" ("created_at") where "type" = 'flows' and "deleted_at" is null` +
        ` and (jsonb_path_exists("doc"::jsonb, '$.schedule') or jsonb_path_exists("doc"::jsonb, '$.pageGenerators[*].schedule'))`,
    },
  ],
});

/** Numbers that grow with every change of something polled; written in the transaction of the change. */
export const ChangeCounter = defineEntity({
  name: 'ChangeCounter',
  tableName: 'change_counters',
  properties: {
    name: p.text().primary(),
    value: p.bigint('string'),
  },
});
