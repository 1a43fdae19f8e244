import { newId } from './ids.js';
import { isRecord } from './json.js';
import type { CheckContext } from './rules/rule.js';

/** Completes a valid document. Only the defaults marked "server stamps" are written (decision 33). */
export type Stamp = (document: Readonly<Record<string, unknown>>, context: CheckContext) => Record<string, unknown>;

type Item = Readonly<Record<string, unknown>>;

function mapItems(value: unknown, change: (item: Item) => Item): unknown {
  return Array.isArray(value) ? value.map((item: unknown) => (isRecord(item) ? change(item) : item)) : value;
}

/** On PUT an omitted response mapping is reset to empty arrays. Reference: resources §3.4. */
function resetMapping(processor: Item): Item {
  return processor['responseMapping'] === undefined
    ? { ...processor, responseMapping: { fields: [], lists: [] } }
    : processor;
}

export const stampFlow: Stamp = (document, { mode }) => {
  const processors = (value: unknown): unknown => (mode === 'replace' ? mapItems(value, resetMapping) : value);
  const stamped: Record<string, unknown> = { autoResolveMatchingTraceKeys: true, ...document };
  if (document['pageProcessors'] !== undefined) stamped['pageProcessors'] = processors(document['pageProcessors']);
  if (document['routers'] !== undefined) {
    stamped['routers'] = mapItems(document['routers'], (router) => ({
      ...router,
      branches: mapItems(router['branches'], (branch) => ({
        ...branch,
        branchId: branch['branchId'] ?? newId(),
        pageProcessors: processors(branch['pageProcessors'] ?? []),
      })),
    }));
  }
  return stamped;
};

/** Lookups are accepted in either place and returned in both (decision 22). */
export const stampImport: Stamp = (document) => {
  const http = document['http'];
  if (!isRecord(http)) return document;
  const lookups = http['lookups'] ?? document['lookups'];
  return lookups === undefined ? document : { ...document, lookups, http: { ...http, lookups } };
};

/** Groups get their ids from the server; one that came back keeps it. */
export const stampIntegration: Stamp = (document) => {
  const withIds = (value: unknown): unknown => mapItems(value, (group) => ({ ...group, _id: group['_id'] ?? newId() }));
  const stamped = { ...document };
  for (const list of ['flowGroupings', 'apiGroupings']) {
    if (stamped[list] !== undefined) stamped[list] = withIds(stamped[list]);
  }
  return stamped;
};

export const stampScript: Stamp = (document, { mode }) => (mode === 'create' ? { content: '', ...document } : document);

export const stampNothing: Stamp = (document) => document;
