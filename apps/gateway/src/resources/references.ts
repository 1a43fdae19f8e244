import { isId, type Issue, type JsonRecord, type Reference, type ResourceTypeName, valuesAt } from '#model';
import type { StoredDocument } from '#store';
import type { DocumentReader } from '#store/document-reader';

/** Documents that another refers to, by type and id. */
export type Referred = Readonly<Partial<Record<ResourceTypeName, ReadonlyMap<string, StoredDocument>>>>;

interface Named {
  readonly field: string;
  readonly id: string;
  readonly to: ResourceTypeName;
}

/** Reads everything a document refers to and names what does not exist: 422 `invalid_ref`. Reference: resources §1.3. */
export async function readReferences(
  reader: DocumentReader,
  accountId: string,
  document: JsonRecord,
  references: readonly Reference[],
): Promise<{ readonly referred: Referred; readonly issues: readonly Issue[] }> {
  const named = references.flatMap(({ path, to }): Named[] =>
    valuesAt(document, path).flatMap(({ field, value }) => (isId(value) ? [{ field, id: value, to }] : [])),
  );
  const types = [...new Set(named.map(({ to }) => to))];
  const referred: Partial<Record<ResourceTypeName, ReadonlyMap<string, StoredDocument>>> = {};
  await Promise.all(
    types.map(async (type) => {
      const ids = named.filter(({ to }) => to === type).map(({ id }) => id);
      referred[type] = await reader.getMany(accountId, type, ids);
    }),
  );
  const issues = named
    .filter(({ id, to }) => !referred[to]?.has(id))
    .map(({ field, id, to }): Issue => ({
      code: 'invalid_ref',
      message: `No ${to} resource has the id ${id}.`,
      field,
    }));
  return { referred, issues };
}
