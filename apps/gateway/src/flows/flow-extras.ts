import { Inject, Injectable } from '@nestjs/common';
import { inputSchemaIssues } from '#engine/input/index';
import { type Flow, isRecord, type Issue, type JsonRecord, valuesAt } from '#model';
import type { StoredDocument } from '#store';
import type { Caller } from '../http/caller.js';
import { RegistrationService } from '../integrations/registration.service.js';
import { DocumentReader } from '#store/document-reader';
import type { Incoming, TypeExtras } from '../resources/type-extras.js';
import { stepsOf } from './run/runnable.js';

/** Rules of flows that need other documents. Reference: resources §3.2, §3.4, §3.6. */
@Injectable()
export class FlowExtras implements TypeExtras {
  readonly type = 'flows';

  constructor(
    @Inject(DocumentReader) private readonly reader: DocumentReader,
    @Inject(RegistrationService) private readonly registrations: RegistrationService,
  ) {}

  async settle(incoming: Incoming): Promise<{ document: JsonRecord; issues: readonly Issue[] }> {
    const { document, previous, referred } = incoming;
    const issues = [
      ...lookupIssues(incoming),
      ...moveIssues(document, previous),
      ...abstractIssues(document, previous),
      ...schemaIssues(document),
    ];
    const integrationId = document['_integrationId'];
    const integration = typeof integrationId === 'string' ? referred.integrations?.get(integrationId) : undefined;
    return { document: withKnownGrouping(document, integration), issues };
  }

  /** The connections of a flow's steps are registered in its integration. */
  async written(caller: Caller, stored: StoredDocument): Promise<void> {
    const integrationId = stored['_integrationId'];
    if (typeof integrationId !== 'string') return;
    const steps = stepsOf(stored as unknown as Flow);
    const [exports, imports] = await Promise.all([
      this.reader.getMany(caller.accountId, 'exports', [...steps.generatorIds, ...steps.lookupIds]),
      this.reader.getMany(caller.accountId, 'imports', steps.importIds),
    ]);
    const ids = [...exports.values(), ...imports.values()].flatMap((step) => {
      const id = step['_connectionId'];
      return typeof id === 'string' ? [id] : [];
    });
    await this.registrations.register(caller.accountId, integrationId, ids);
  }
}

/** A lookup step needs an export with `isLookup`. */
function lookupIssues({ document, referred }: Incoming): Issue[] {
  const places = ['pageProcessors.*._exportId', 'routers.*.branches.*.pageProcessors.*._exportId'];
  return places
    .flatMap((path) => valuesAt(document, path))
    .filter(({ value }) => typeof value === 'string' && referred.exports?.get(value)?.['isLookup'] !== true)
    .map(({ field }) => ({
      code: 'invalid_ref',
      message: 'A lookup step needs an export with isLookup: true.',
      field,
    }));
}

/** Moving to another integration leaves the flow group behind. */
function moveIssues(document: JsonRecord, previous: StoredDocument | null): Issue[] {
  const moves = previous !== null && (previous['_integrationId'] ?? null) !== (document['_integrationId'] ?? null);
  if (!moves || typeof document['_flowGroupingId'] !== 'string') return [];
  return [
    {
      code: 'flowgrouping_not_belong',
      message: 'The flow group does not belong to the integration.',
      field: '_flowGroupingId',
    },
  ];
}

function abstractIssues(document: JsonRecord, previous: StoredDocument | null): Issue[] {
  if (!previous || (previous['_abstractFlowId'] ?? null) === (document['_abstractFlowId'] ?? null)) return [];
  return [{ code: 'invalid_field', message: '_abstractFlowId cannot be changed.', field: '_abstractFlowId' }];
}

function schemaIssues({ inputSchema }: JsonRecord): readonly Issue[] {
  return isRecord(inputSchema) ? inputSchemaIssues(inputSchema) : [];
}

/** Unknown groups are dropped silently. */
function withKnownGrouping(document: JsonRecord, integration: StoredDocument | undefined): JsonRecord {
  const { _flowGroupingId: grouping, ...rest } = document;
  if (grouping === undefined || grouping === null) return document;
  const groups: unknown = integration?.['flowGroupings'];
  const isKnown =
    Array.isArray(groups) && groups.some((group: unknown) => isRecord(group) && group['_id'] === grouping);
  return isKnown ? document : rest;
}
