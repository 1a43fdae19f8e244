import { type Export, type Flow, type Import, isId, newId } from '#model';
import { gatherDocuments, type DocumentsById, type FlowDocuments, type GivenSteps } from './flow-documents.js';

type Stored<T> = T & { readonly _id: string };

/** An export, as a page generator or as a lookup, or an import that runs by itself. */
export type StepAlone =
  { readonly export: Stored<Export> } | { readonly lookup: Stored<Export> } | { readonly import: Stored<Import> };

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
  const { step, flow, given } = partsOf(alone);
  const _integrationId = integrationId === undefined ? step._integrationId : integrationId;
  const whole = { _id: newId(), name: step.name, ...(isId(_integrationId) ? { _integrationId } : {}), ...flow };
  return gatherDocuments(reader, accountId, whole, given);
}

function partsOf(alone: StepAlone): {
  readonly step: Stored<Export> | Stored<Import>;
  readonly flow: Partial<Flow>;
  readonly given: GivenSteps;
} {
  if ('import' in alone) {
    const step = alone.import;
    return { step, flow: { pageProcessors: [{ type: 'import', _importId: step._id }] }, given: { imports: [step] } };
  }
  if ('lookup' in alone) {
    const step = alone.lookup;
    return { step, flow: { pageProcessors: [{ type: 'export', _exportId: step._id }] }, given: { exports: [step] } };
  }
  const step = alone.export;
  return { step, flow: { pageGenerators: [{ _exportId: step._id }] }, given: { exports: [step] } };
}
