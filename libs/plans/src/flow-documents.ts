import type { Connection, Export, Flow, Import, Integration, Script, StoredStack } from '#model';
import type { DocumentType, StoredDocument } from '#store';
import { functionHomesOf, referencesOf, withCurrentSteps } from './references.js';

type Stored<T> = T & { readonly _id: string };

/** A flow and everything it refers to, as stored: secrets are sealed. */
export interface FlowDocuments {
  readonly accountId: string;
  readonly flow: Stored<Flow>;
  readonly exports: readonly Stored<Export>[];
  readonly imports: readonly Stored<Import>[];
  readonly connections: readonly Stored<Connection>[];
  readonly scripts: readonly Stored<Script>[];
  readonly stacks: readonly StoredStack[];
  readonly integration: Stored<Integration> | null;
  /** References that lead nowhere, in words. */
  readonly missing: readonly string[];
}

/** Reads documents of an account, in any order; ids that name nothing are left out. */
export interface DocumentsById {
  read(accountId: string, type: DocumentType, ids: readonly string[]): Promise<readonly StoredDocument[]>;
}

/** Steps that are not stored, or not as they are meant here. */
export interface GivenSteps {
  readonly exports?: readonly Stored<Export>[];
  readonly imports?: readonly Stored<Import>[];
}

/** @returns null when the account has no such flow */
export async function readFlowDocuments(
  reader: DocumentsById,
  accountId: string,
  flowId: string,
): Promise<FlowDocuments | null> {
  const [stored] = await reader.read(accountId, 'flows', [flowId]);
  return stored ? gatherDocuments(reader, accountId, trusted<Flow>(stored)) : null;
}

/** Everything that a flow, stored or made up, refers to. */
export async function gatherDocuments(
  reader: DocumentsById,
  accountId: string,
  given: Stored<Flow>,
  steps: GivenSteps = {},
): Promise<FlowDocuments> {
  const flow = withCurrentSteps(given);
  const references = referencesOf(flow);
  const missing: string[] = [];
  const read = async <T>(type: DocumentType, ids: readonly string[]): Promise<Stored<T>[]> => {
    const rows = await reader.read(accountId, type, ids);
    const found = new Set(rows.map((row) => row._id));
    for (const id of ids) if (!found.has(id)) missing.push(`${type.slice(0, -1)} ${id}`);
    return rows.map((row) => trusted<T>(row));
  };
  const others = <T>(type: DocumentType, ids: readonly string[], known: readonly Stored<T>[] = []) =>
    read<T>(
      type,
      ids.filter((id) => !known.some((step) => step._id === id)),
    ).then((rows) => [...known, ...rows]);
  const [exports, imports, integrations] = await Promise.all([
    others<Export>('exports', references.exportIds, steps.exports),
    others<Import>('imports', references.importIds, steps.imports),
    flow._integrationId ? reader.read(accountId, 'integrations', [flow._integrationId]) : [],
  ]);
  const connections = await read<Connection>(
    'connections',
    distinct([...exports, ...imports].map((s) => s._connectionId)),
  );
  const namers = { flow, exports, imports, connections };
  const [scripts, stacks] = await Promise.all([
    read<Script>('scripts', functionHomesOf('scripts', namers)),
    read<StoredStack>('stacks', functionHomesOf('stacks', namers)),
  ]);
  const lenders = await read<Connection>(
    'connections',
    distinct(connections.map((c) => c._borrowConcurrencyFromConnectionId)).filter(
      (id) => !connections.some((connection) => connection._id === id),
    ),
  );
  const integration = integrations[0];
  return {
    accountId,
    flow,
    exports,
    imports,
    connections: [...connections, ...lenders],
    scripts,
    stacks,
    integration: integration ? trusted<Integration>(integration) : null,
    missing,
  };
}

export function documentsOf(documents: FlowDocuments): readonly Stored<{ lastModified?: string | undefined }>[] {
  const { flow, exports, imports, connections, scripts, stacks, integration } = documents;
  return [flow, ...exports, ...imports, ...connections, ...scripts, ...stacks, ...(integration ? [integration] : [])];
}

/** Documents were validated when they were written; their type is trusted here (parse at the edge, once). */
function trusted<T>(document: StoredDocument): Stored<T> {
  return document as unknown as Stored<T>;
}

function distinct(ids: readonly (string | null | undefined)[]): string[] {
  return [...new Set(ids.filter((id) => typeof id === 'string'))];
}
