import { Inject, Injectable } from '@nestjs/common';
import type { FlowPlan, PlanScript } from '#engine';
import {
  type Connection,
  type Export,
  type Import,
  isId,
  isRecord,
  type JsonRecord,
  newId,
  type ResourceTypeName,
  resourceTypes,
  valuesAt,
} from '#model';
import type { StoredDocument } from '#store';
import { ApiError } from '#failures';
import type { Caller } from '../http/caller.js';
import { DocumentReader } from '../resources/document-reader.js';
import { ResourceService } from '../resources/resource.service.js';

export interface StepPlan<T extends Export | Import> {
  readonly plan: FlowPlan;
  readonly step: T & { readonly _id: string };
}

/** Changes with a document's life, not with what it does. */
const volatile = new Set(['lastModified', 'lastModifiedBy', 'createdAt']);

/**
 * Snapshots of one export or import, stored or not, with all that it refers to: a flow of that step alone, for trying it
 * out.
 */
@Injectable()
export class StepPlans {
  constructor(
    @Inject(ResourceService) private readonly resources: ResourceService,
    @Inject(DocumentReader) private readonly reader: DocumentReader,
  ) {}

  /** @throws ApiError 404 */
  async storedExport(caller: Caller, id: string): Promise<StepPlan<Export>> {
    return this.#planOf(caller, 'exports', await this.resources.stored(caller.accountId, 'exports', id));
  }

  /** @throws ApiError 404 */
  async storedImport(caller: Caller, id: string): Promise<StepPlan<Import>> {
    return this.#planOf(caller, 'imports', await this.resources.stored(caller.accountId, 'imports', id));
  }

  /** @throws ApiError 400 or 422 for a document that could not be stored either */
  async unsavedExport(caller: Caller, document: unknown, at = ''): Promise<StepPlan<Export>> {
    return this.#planOf(caller, 'exports', await this.#checked(caller, 'exports', document, at));
  }

  /** @throws ApiError 400 or 422 for a document that could not be stored either */
  async unsavedImport(caller: Caller, document: unknown, at = ''): Promise<StepPlan<Import>> {
    return this.#planOf(caller, 'imports', await this.#checked(caller, 'imports', document, at));
  }

  /** @param at path of the document in the body, for messages */
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

  async #planOf<T extends Export | Import>(
    caller: Caller,
    type: 'exports' | 'imports',
    stored: StoredDocument,
  ): Promise<StepPlan<T>> {
    // Documents were validated when they were written, or just now (parse at the edge, once).
    const step = Object.fromEntries(Object.entries(stored).filter(([name]) => !volatile.has(name))) as unknown as T & {
      readonly _id: string;
    };
    const [connections, scripts, integration] = await Promise.all([
      this.#connectionsOf(caller, step),
      this.#scriptsOf(caller, type, stored),
      this.#read(caller, 'integrations', [step._integrationId]),
    ]);
    const settings = [...integration.values()][0]?.['settings'];
    const isExport = type === 'exports';
    return {
      step,
      plan: {
        flow: {
          _id: newId(),
          name: step.name,
          ...(isExport
            ? { pageGenerators: [{ _exportId: step._id }] }
            : { pageProcessors: [{ type: 'import', _importId: step._id }] }),
        },
        exports: isExport ? { [step._id]: step as Export & { _id: string } } : {},
        imports: isExport ? {} : { [step._id]: step as Import & { _id: string } },
        connections,
        settings: isRecord(settings) ? { integration: settings } : {},
        ...(Object.keys(scripts).length === 0 ? {} : { scripts }),
      },
    };
  }

  async #connectionsOf(caller: Caller, step: Export | Import): Promise<FlowPlan['connections']> {
    const own = await this.#read(caller, 'connections', [step._connectionId]);
    const lenders = await this.#read(
      caller,
      'connections',
      [...own.values()].map((connection) => connection['_borrowConcurrencyFromConnectionId'] as string | undefined),
    );
    return Object.fromEntries(
      [...own, ...lenders].map(([id, document]) => [id, document as unknown as Connection & { readonly _id: string }]),
    );
  }

  async #scriptsOf(
    caller: Caller,
    type: 'exports' | 'imports',
    document: JsonRecord,
  ): Promise<Readonly<Record<string, PlanScript>>> {
    const ids = resourceTypes[type].references
      .filter(({ to }) => to === 'scripts')
      .flatMap(({ path }) => valuesAt(document, path).map(({ value }) => value as string));
    const scripts = await this.#read(caller, 'scripts', ids);
    return Object.fromEntries([...scripts].map(([id, script]) => [id, planScript(script)]));
  }

  #read(
    caller: Caller,
    type: ResourceTypeName,
    ids: readonly (string | null | undefined)[],
  ): Promise<ReadonlyMap<string, StoredDocument>> {
    return this.reader.getMany(caller.accountId, type, ids.filter(isId));
  }
}

function planScript(script: StoredDocument): PlanScript {
  const { content, postResponseHookToProcessOnChildRecord, debugUntil } = script;
  return {
    content: typeof content === 'string' ? content : '',
    postResponseHookToProcessOnChildRecord: postResponseHookToProcessOnChildRecord === true,
    ...(typeof debugUntil === 'string' ? { debugUntil } : {}),
  };
}
