import { Lane } from '#lanes/lane';
import type { Documents, DocumentType, StoredDocument } from '#store';

const maxIdsPerStatement = 500;
const maxLanes = 10_000;

/**
 * Reads documents by id. Reads of one account and type coalesce: at most one statement is in flight, and everything
 * asked meanwhile goes in the next, each id once.
 */
export class DocumentReader {
  readonly #documents: Pick<Documents, 'getMany'>;
  readonly #lanes = new Map<string, Lane<string, StoredDocument | null>>();

  constructor(documents: Pick<Documents, 'getMany'>) {
    this.#documents = documents;
  }

  /** The documents that exist, in the order of `ids`. */
  async read(accountId: string, type: DocumentType, ids: readonly string[]): Promise<readonly StoredDocument[]> {
    if (ids.length === 0) return [];
    const lane = this.#laneOf(accountId, type);
    const found = await Promise.all(ids.map((id) => lane.submit(id)));
    return found.filter((document) => document !== null);
  }

  #laneOf(accountId: string, type: DocumentType): Lane<string, StoredDocument | null> {
    const name = `${accountId}/${type}`;
    const known = this.#lanes.get(name);
    if (known) return known;
    const lane = new Lane<string, StoredDocument | null>({
      maxItems: maxIdsPerStatement,
      send: async (batch) => {
        const ids = [...new Set(batch.map((entry) => entry.item))];
        const rows = await this.#documents.getMany(accountId, type, ids);
        const byId = new Map(rows.map((row) => [row._id, row]));
        for (const entry of batch) entry.resolve(byId.get(entry.item) ?? null);
      },
    });
    // A lane holds nothing once its reads are answered, so starting over costs at most a statement.
    if (this.#lanes.size >= maxLanes) this.#lanes.clear();
    this.#lanes.set(name, lane);
    return lane;
  }
}
