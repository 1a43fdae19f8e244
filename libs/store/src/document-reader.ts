import { Lane } from '#lanes/lane';
import type { Documents, DocumentType, StoredDocument } from './ports.js';

const maxIdsPerStatement = 500;
const maxLanes = 10_000;

/**
 * Reads documents by id. Reads of one account and type coalesce: at most one statement is in flight, and what is asked
 * meanwhile goes in the next, each id once. Nothing is cached, so every answer is as new as its question.
 */
export class DocumentReader {
  readonly #documents: Pick<Documents, 'getMany'>;
  readonly #lanes = new Map<string, Lane<string, StoredDocument | null>>();

  constructor(documents: Pick<Documents, 'getMany'>) {
    this.#documents = documents;
  }

  get(accountId: string, type: DocumentType, id: string): Promise<StoredDocument | null> {
    return this.#laneOf(accountId, type).submit(id);
  }

  /** The documents that exist, in the order of `ids`. */
  async read(accountId: string, type: DocumentType, ids: Iterable<string>): Promise<readonly StoredDocument[]> {
    const found = await Promise.all([...new Set(ids)].map((id) => this.get(accountId, type, id)));
    return found.filter((document) => document !== null);
  }

  /** The documents that exist, by id. */
  async getMany(
    accountId: string,
    type: DocumentType,
    ids: Iterable<string>,
  ): Promise<ReadonlyMap<string, StoredDocument>> {
    return new Map((await this.read(accountId, type, ids)).map((document) => [document._id, document]));
  }

  #laneOf(accountId: string, type: DocumentType): Lane<string, StoredDocument | null> {
    const name = `${accountId}/${type}`;
    const known = this.#lanes.get(name);
    if (known) return known;
    const lane = new Lane<string, StoredDocument | null>({
      maxItems: maxIdsPerStatement,
      send: async (batch) => {
        const rows = await this.#documents.getMany(accountId, type, [...new Set(batch.map((entry) => entry.item))]);
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
