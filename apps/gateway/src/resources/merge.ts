import { type JsonRecord, masked, type ResourceType, sealSecrets, withStoredSecrets } from '#model';
import type { StoredDocument } from '#store';

type Seal = (plaintext: string, field: string) => string;

/** Fields only the server writes: in what clients read, not in what they may send. */
const serverOwned = new Map<string, readonly string[]>();

function serverFieldsOf(type: ResourceType): readonly string[] {
  let fields = serverOwned.get(type.name);
  if (!fields) {
    fields = Object.keys(type.document.shape).filter((field) => !Object.hasOwn(type.input.shape, field));
    serverOwned.set(type.name, fields);
  }
  return fields;
}

function picked(document: JsonRecord, fields: readonly string[]): Record<string, JsonRecord[string]> {
  const copy: Record<string, JsonRecord[string]> = {};
  for (const field of fields) if (document[field] !== undefined) copy[field] = document[field];
  return copy;
}

/**
 * The document a PUT leaves: the client's, whole, with what the server owns, the secrets that came back masked, and the
 * documented exceptions that omission keeps. Reference: resources §1.6, §1.7.
 */
export function replaced(
  type: ResourceType,
  current: StoredDocument,
  document: JsonRecord,
  stamp: { readonly lastModified: string; readonly lastModifiedBy: string },
  seal: Seal,
): StoredDocument {
  const withSecrets = withStoredSecrets(sealSecrets(document, type.secrets, seal), current, type.secrets);
  const merged: Record<string, JsonRecord[string]> = {
    ...picked(current, type.keptOnReplace),
    ...withSecrets,
    ...picked(current, [...serverFieldsOf(type), 'sandbox']),
    ...stamp,
  };
  if (current['sandbox'] === undefined) delete merged['sandbox'];
  // A draft is promoted by `false`; a resource that is none cannot become one.
  if (merged['draft'] === true && current['draft'] !== true) delete merged['draft'];
  return { ...merged, _id: current._id };
}

/** The stored document in the form in which a client could send it again. */
export function writable(type: ResourceType, stored: StoredDocument): JsonRecord {
  return masked(picked(stored, Object.keys(type.input.shape)), type.secrets);
}

/** What clients see: no member the API does not have, secrets masked. */
export function presented(type: ResourceType, stored: StoredDocument): JsonRecord {
  return masked(picked(stored, ['_id', ...Object.keys(type.document.shape)]), type.secrets);
}

export function withoutHeavy(type: ResourceType, document: JsonRecord): JsonRecord {
  if (type.heavy.length === 0) return document;
  const copy: Record<string, JsonRecord[string]> = { ...document };
  for (const field of type.heavy) delete copy[field];
  return copy;
}
