import { type Export, type Flow, type Import, isId, newId } from '#model';
import { gatherDocuments, type DocumentsById, type FlowDocuments } from './flow-documents.js';

type Stored<T> = T & { readonly _id: string };

/** An export or import that runs by itself. */
export type StepAlone = { readonly export: Stored<Export> } | { readonly import: Stored<Import> };

/**
 * Everything that a step refers to, as a flow of that step alone.
 *
 * @param integrationId whose settings the step sees; null: none's. Default: the step's own.
 */
export function gatherStep(
  reader: DocumentsById,
  accountId: string,
  alone: StepAlone,
  integrationId?: string | null,
): Promise<FlowDocuments> {
  const step = 'export' in alone ? alone.export : alone.import;
  const flow: Partial<Flow> =
    'export' in alone
      ? { pageGenerators: [{ _exportId: step._id }] }
      : { pageProcessors: [{ type: 'import', _importId: step._id }] };
  const _integrationId = integrationId === undefined ? step._integrationId : integrationId;
  const whole = { _id: newId(), name: step.name, ...(isId(_integrationId) ? { _integrationId } : {}), ...flow };
  const given = 'export' in alone ? { exports: [alone.export] } : { imports: [alone.import] };
  return gatherDocuments(reader, accountId, whole, given);
}
