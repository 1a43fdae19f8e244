import type { FlowPlan, PlanScript } from '#engine';
import type { JsonRecord, Script } from '#model';
import type { FlowDocuments } from './flow-documents.js';

/** Written by the server on every change or run; they change nothing about what a run does, so they are no content. */
const volatileFields = new Set(['lastModified', 'lastModifiedBy', 'lastExecutedAt']);

/**
 * The snapshot that a run executes: secrets sealed, equal for equal documents.
 *
 * @param flow the documents' own, or that with fewer page generators
 */
export function snapshot(documents: FlowDocuments, flow: FlowDocuments['flow'] = documents.flow): FlowPlan {
  const { integration } = documents;
  const grouping = integration?.flowGroupings?.find((group) => group._id === flow._flowGroupingId);
  return {
    flow: stripVolatile(flow),
    exports: byId(documents.exports),
    imports: byId(documents.imports),
    connections: byId(documents.connections),
    ...(integration?._parentId === undefined ? {} : { parentIntegrationId: integration._parentId }),
    ...scriptsOf(documents),
    ...(documents.stacks.length === 0 ? {} : { stacks: byId(documents.stacks) }),
    settings: {
      ...scope('integration', integration?.settings),
      ...scope('flowGrouping', flow._flowGroupingId ? grouping?.settings : undefined),
      ...scope('flow', flow.settings),
    },
  };
}

/** Their content now, whatever becomes of them during the run. Flows without scripts have plans as they always had. */
function scriptsOf({ scripts }: FlowDocuments): Pick<FlowPlan, 'scripts'> {
  if (scripts.length === 0) return {};
  const sorted = [...scripts].sort((a, b) => (a._id < b._id ? -1 : 1));
  return { scripts: Object.fromEntries(sorted.map((script) => [script._id, planScript(script)])) };
}

function planScript({ content, postResponseHookToProcessOnChildRecord, debugUntil }: Script): PlanScript {
  return {
    content: content ?? '',
    postResponseHookToProcessOnChildRecord: postResponseHookToProcessOnChildRecord ?? false,
    ...(debugUntil === undefined ? {} : { debugUntil }),
  };
}

/** In order of id, so that equal plans are equal texts. */
function byId<T extends { readonly _id: string }>(documents: readonly T[]): Readonly<Record<string, T>> {
  const sorted = [...documents].sort((a, b) => (a._id < b._id ? -1 : 1));
  return Object.fromEntries(sorted.map((document) => [document._id, stripVolatile(document)]));
}

function stripVolatile<T extends object>(document: T): T {
  const kept = Object.entries(document).filter(([name]) => !volatileFields.has(name));
  return Object.fromEntries(kept) as T;
}

function scope(name: string, settings: JsonRecord | undefined): Record<string, JsonRecord> {
  return settings === undefined ? {} : { [name]: settings };
}
