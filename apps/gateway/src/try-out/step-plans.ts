import { Inject, Injectable } from '@nestjs/common';
import { ApiError } from '#failures';
import { type Export, type Import, isId, isRecord, newId, resourceTypes } from '#model';
import { type FlowDocuments, gatherStep, readFlowDocuments, snapshot, type StepAlone } from '#plans';
import type { StoredDocument } from '#store';
import type { StepPlan } from '#try-outs';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/refusals.js';
import { DocumentReader } from '#store/document-reader';
import { ResourceService } from '../resources/resource.service.js';

/**
 * Snapshots for trying things out, as runs take them: of a flow, or of one export or import, stored or not, as a flow of
 * that step alone.
 */
@Injectable()
export class StepPlans {
  constructor(
    @Inject(ResourceService) private readonly resources: ResourceService,
    @Inject(DocumentReader) private readonly reader: DocumentReader,
  ) {}

  /** @throws ApiError 404 */
  async flow(caller: Caller, id: string): Promise<FlowDocuments> {
    const documents = isId(id) ? await readFlowDocuments(this.reader, caller.accountId, id) : null;
    if (!documents) throw notFound('flow');
    return documents;
  }

  /** @param document as it is stored, or as it would be */
  ofExport({ accountId }: Caller, document: StoredDocument): Promise<StepPlan<Export>> {
    // Documents were validated when they were written, or just now (parse at the edge, once).
    const step = document as unknown as Export & { readonly _id: string };
    return this.#planned(step, accountId, { export: step });
  }

  /** @param document as it is stored, or as it would be */
  ofLookup({ accountId }: Caller, document: StoredDocument): Promise<StepPlan<Export>> {
    const step = document as unknown as Export & { readonly _id: string };
    return this.#planned(step, accountId, { lookup: step });
  }

  /** @throws ApiError 404 */
  async storedImport(caller: Caller, id: string): Promise<StepPlan<Import>> {
    return this.#ofImport(caller, await this.resources.stored(caller.accountId, 'imports', id));
  }

  /**
   * @param at path of the document in the body, for messages
   * @throws ApiError 400 or 422 for a document that could not be stored either
   */
  async unsavedExport(caller: Caller, document: unknown, at = ''): Promise<StepPlan<Export>> {
    return this.ofExport(caller, await this.#checked(caller, 'exports', document, at));
  }

  /**
   * @param at path of the document in the body, for messages
   * @throws ApiError 400 or 422 for a document that could not be stored either
   */
  async unsavedLookup(caller: Caller, document: unknown, at: string): Promise<StepPlan<Export>> {
    return this.ofLookup(caller, await this.#checked(caller, 'exports', document, at));
  }

  /**
   * @param at path of the document in the body, for messages
   * @throws ApiError 400 or 422 for a document that could not be stored either
   */
  async unsavedImport(caller: Caller, document: unknown, at = ''): Promise<StepPlan<Import>> {
    return this.#ofImport(caller, await this.#checked(caller, 'imports', document, at));
  }

  async #checked(caller: Caller, type: 'exports' | 'imports', document: unknown, at: string): Promise<StoredDocument> {
    const named = isRecord(document) ? { name: 'Unsaved', ...document } : document;
    try {
      const checked = await this.resources.check(caller, resourceTypes[type], named);
      const given = isRecord(document) ? document['_id'] : undefined;
      return { ...checked, _id: isId(given) ? given : newId() };
    } catch (error) {
      if (!(error instanceof ApiError) || at === '') throw error;
      throw new ApiError(
        error.status,
        error.errors.map((entry) => ({ ...entry, field: entry.field === undefined ? at : `${at}.${entry.field}` })),
      );
    }
  }

  #ofImport({ accountId }: Caller, document: StoredDocument): Promise<StepPlan<Import>> {
    const step = document as unknown as Import & { readonly _id: string };
    return this.#planned(step, accountId, { import: step });
  }

  async #planned<T extends Export | Import>(
    step: T & { readonly _id: string },
    accountId: string,
    alone: StepAlone,
  ): Promise<StepPlan<T>> {
    return { step, plan: snapshot(await gatherStep(this.reader, accountId, alone)) };
  }
}
