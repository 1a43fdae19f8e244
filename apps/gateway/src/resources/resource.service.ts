import { Inject, Injectable } from '@nestjs/common';
import {
  type CheckContext,
  isId,
  isRecord,
  type JsonRecord,
  newId,
  parseResource,
  type ResourceType,
  type ResourceTypeName,
  resourceTypes,
  sealSecrets,
  withStoredSecrets,
} from '#model';
import type { StoredDocument } from '#store';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { invalid, notFound } from '../http/refusals.js';
import type { Asker } from '../try-out/asker.js';
import { DocumentReader } from '#store/document-reader';
import { applyPatch } from './json-patch.js';
import type { ListRequest } from './list-query.js';
import { presented, replaced, withoutHeavy, writable } from './merge.js';
import { PreSave } from './pre-save.js';
import { project } from './projection.js';
import { ResourceChanges } from './resource-changes.js';
import { readReferences } from './references.js';
import { TYPE_EXTRAS, type TypeExtras } from './type-extras.js';

export interface ListAnswer {
  readonly rows: readonly JsonRecord[];
  readonly more: boolean;
}

/** Reading and writing of all resource types; what sets them apart is data ({@link ResourceType}) and their extras. */
@Injectable()
export class ResourceService {
  readonly #extras: ReadonlyMap<ResourceTypeName, TypeExtras>;

  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(DocumentReader) private readonly reader: DocumentReader,
    @Inject(ResourceChanges) private readonly changes: ResourceChanges,
    @Inject(PreSave) private readonly preSave: PreSave,
    @Inject(TYPE_EXTRAS) extras: readonly TypeExtras[],
  ) {
    this.#extras = new Map(extras.map((extra) => [extra.type, extra]));
  }

  async list(caller: Caller, type: ResourceType, { query, projection }: ListRequest): Promise<ListAnswer> {
    const { rows, more } = await this.deps.store.documents.list(caller.accountId, type.name, query);
    const wanted = projection && 'include' in projection ? projection.include : [];
    const keepsHeavy = type.heavy.some((field) => wanted.includes(field));
    return {
      rows: rows.map((row) => {
        const document = this.present(type, row);
        return project(keepsHeavy ? document : withoutHeavy(type, document), projection);
      }),
      more,
    };
  }

  /** The document as stored. @throws ApiError 404 */
  async stored(accountId: string, type: ResourceTypeName, id: string): Promise<StoredDocument> {
    const document = isId(id) ? await this.reader.get(accountId, type, id) : null;
    if (!document) throw notFound(resourceTypes[type].title.toLowerCase());
    return document;
  }

  async get(caller: Caller, type: ResourceType, id: string): Promise<JsonRecord> {
    return this.present(type, await this.stored(caller.accountId, type.name, id));
  }

  /**
   * A document as it would be stored, which it is not.
   *
   * @throws ApiError 400 or 422 for what could not be stored
   */
  check(caller: Caller, type: ResourceType, body: unknown): Promise<JsonRecord> {
    return this.#accept(caller, type, body, null);
  }

  async create(asker: Asker, type: ResourceType, sent: unknown): Promise<JsonRecord> {
    const { caller } = asker;
    const body = await this.preSave.revised(asker, type, sent, null);
    const document = await this.#accept(caller, type, body, null);
    const _id = newId(this.#now());
    const nowIso = new Date(this.#now()).toISOString();
    const sealed = sealSecrets(document, type.secrets, this.#seal(caller.accountId, _id));
    const extras = this.#extras.get(type.name);
    const stored: StoredDocument = {
      _id,
      ...withStoredSecrets(sealed, {}, type.secrets),
      ...extras?.stampNew?.(caller, document, _id),
      createdAt: nowIso,
      lastModified: nowIso,
      lastModifiedBy: caller.userId,
    };
    await this.deps.store.documents.insert(caller.accountId, type.name, stored);
    await extras?.written?.(caller, stored);
    const added = await extras?.created?.(caller, stored, recordOf(body));
    return { ...this.present(type, stored), ...added };
  }

  async replace(asker: Asker, type: ResourceType, id: string, sent: unknown): Promise<JsonRecord> {
    const { caller } = asker;
    const previous = await this.stored(caller.accountId, type.name, id);
    const body = await this.preSave.revised(asker, type, sent, this.present(type, previous));
    const document = await this.#accept(caller, type, body, previous);
    const extras = this.#extras.get(type.name);
    await extras?.replacing?.(caller, id, document);
    const stored = await this.#update(caller, type, id, () => document);
    await extras?.written?.(caller, stored);
    return withoutHeavy(type, this.present(type, stored));
  }

  async patch(caller: Caller, type: ResourceType, id: string, body: unknown): Promise<void> {
    if (!isId(id)) throw notFound();
    await this.#update(caller, type, id, (current) => {
      const patched = applyPatch(writable(type, current), body, type.patchable);
      const parsed = parseResource(type, patched, this.#context('patch'));
      if ('issues' in parsed) throw invalid(parsed.issues);
      return parsed.document;
    });
  }

  async remove(caller: Caller, type: ResourceType, id: string): Promise<void> {
    const stored = await this.stored(caller.accountId, type.name, id);
    await this.#extras.get(type.name)?.removing?.(caller, stored);
    if (!(await this.deps.store.documents.remove(caller.accountId, type.name, id))) throw notFound();
    this.#changed(caller.accountId, type.name, id);
  }

  present(type: ResourceType, stored: StoredDocument): JsonRecord {
    const document = presented(type, stored);
    return this.#extras.get(type.name)?.present?.(document) ?? document;
  }

  /** Validates a whole document against itself and against what it refers to. */
  async #accept(
    caller: Caller,
    type: ResourceType,
    body: unknown,
    previous: StoredDocument | null,
  ): Promise<JsonRecord> {
    const context = this.#context(previous ? 'replace' : 'create', await this.#connectionType(caller, type, body));
    const parsed = parseResource(type, body, context);
    if ('issues' in parsed) throw invalid(parsed.issues);
    const { accountId } = caller;
    const { referred, issues } = await readReferences(this.reader, accountId, parsed.document, type.references);
    if (issues.length > 0) throw invalid(issues);
    const extras = this.#extras.get(type.name);
    const settled = await extras?.settle?.({
      caller,
      document: parsed.document,
      body: recordOf(body),
      referred,
      previous,
    });
    if (!settled) return parsed.document;
    if (settled.issues.length > 0) throw invalid(settled.issues);
    return settled.document;
  }

  /** Exports and imports may take their adaptor type from their connection, and must match it. */
  async #connectionType(caller: Caller, type: ResourceType, body: unknown): Promise<string | undefined> {
    if ((type.name !== 'exports' && type.name !== 'imports') || !isRecord(body)) return undefined;
    const id = body['_connectionId'];
    if (!isId(id)) return undefined;
    const connection = await this.reader.get(caller.accountId, 'connections', id);
    return typeof connection?.['type'] === 'string' ? connection['type'] : undefined;
  }

  async #update(
    caller: Caller,
    type: ResourceType,
    id: string,
    change: (current: StoredDocument) => JsonRecord,
  ): Promise<StoredDocument> {
    const { accountId, userId } = caller;
    const stamp = { lastModified: new Date(this.#now()).toISOString(), lastModifiedBy: userId };
    const seal = this.#seal(accountId, id);
    const stored = await this.deps.store.documents.update(accountId, type.name, id, (current) =>
      replaced(type, current, change(current), stamp, seal),
    );
    if (!stored) throw notFound();
    this.#changed(accountId, type.name, id);
    return stored;
  }

  #changed(accountId: string, type: ResourceTypeName, id: string): void {
    this.changes.announce(accountId, type, id);
  }

  #context(mode: CheckContext['mode'], connectionType?: string): CheckContext {
    return { mode, nowMs: this.#now(), ...(connectionType === undefined ? {} : { connectionType }) };
  }

  #seal(accountId: string, resourceId: string) {
    return (plaintext: string, field: string): string =>
      this.deps.secretBox.seal(plaintext, { accountId, resourceId, field });
  }

  #now(): number {
    return (this.deps.now ?? Date.now)();
  }
}

function recordOf(body: unknown): JsonRecord {
  return isRecord(body) ? (body as JsonRecord) : {};
}
