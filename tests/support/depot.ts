import { FakeApp, type FakeAnswer, type ReceivedRequest } from '#testing/fake-app';
import type { ApiClient } from './api.js';
import { item } from './shop.js';

export type RoutingMode = 'first_matching_branch' | 'all_matching_branches';

/** Names of the destinations of {@link createBranchedFlow}. */
export type Shelf = 'large' | 'utrecht' | 'archive';
export const shelves: readonly Shelf[] = ['large', 'utrecht', 'archive'];

/** A source of `total` items, and a destination per shelf (`POST /<shelf>`) that remembers its requests by their key. */
export class Depot {
  /** by shelf and idempotency key: the ids of the request's records, and how often it came */
  readonly requests = new Map<string, Map<string, { readonly ids: readonly number[]; times: number }>>();
  refuse: (shelf: string, id: number) => boolean = () => false;

  private constructor(
    readonly app: FakeApp,
    public total: number,
  ) {}

  static async open(total: number): Promise<Depot> {
    const app = await FakeApp.start();
    const depot = new Depot(app, total);
    app.answer((request) => depot.#serve(request));
    return depot;
  }

  close(): Promise<void> {
    return this.app.close();
  }

  /** Records that came to a shelf, repeated requests left out; a record that came in two requests is there twice. */
  idsOn(shelf: Shelf): readonly number[] {
    return [...(this.requests.get(shelf)?.values() ?? [])].flatMap(({ ids }) => ids).toSorted((a, b) => a - b);
  }

  get repeatedRequests(): number {
    const all = [...this.requests.values()].flatMap((byKey) => [...byKey.values()]);
    return all.reduce((sum, { times }) => sum + times - 1, 0);
  }

  #serve(request: ReceivedRequest): FakeAnswer {
    if (request.method === 'GET') {
      const limit = Number(request.query.get('limit'));
      const first = Number(request.query.get('page')) * limit;
      const count = Math.max(0, Math.min(limit, this.total - first));
      return { body: Array.from({ length: count }, (_, i) => item(first + i)) };
    }
    const shelf = request.path.slice(1);
    const key = String(request.headers['idempotency-key']);
    const ids = (request.json as { id: number }[]).map(({ id }) => id);
    const byKey = this.requests.get(shelf) ?? new Map<string, { readonly ids: readonly number[]; times: number }>();
    this.requests.set(shelf, byKey);
    const known = byKey.get(key);
    // One key names one request for ever: other records under it would be lost at a destination that heeds keys.
    if (known && JSON.stringify(known.ids) !== JSON.stringify(ids)) return { status: 409, body: 'another request' };
    byKey.set(key, { ids, times: (known?.times ?? 0) + 1 });
    return {
      body: ids.map((id) => (this.refuse(shelf, id) ? { ok: false, message: `${id} refused` } : { ok: true, id })),
    };
  }
}

export interface BranchedFlow {
  readonly flowId: string;
  readonly exportId: string;
  readonly importIds: Readonly<Record<Shelf, string>>;
}

/**
 * Two routers: items of quantity 7 and more go to the shelf `large`, items from Utrecht to `utrecht`, and both from there
 * to the `archive`; items of quantity 1 and less are discarded; no branch takes the others.
 */
export async function createBranchedFlow(
  api: ApiClient,
  depot: Depot,
  mode: RoutingMode,
  sizes: { readonly pageSize: number; readonly batchSize: number },
): Promise<BranchedFlow> {
  const http = { formType: 'http', baseURI: depot.app.url, mediaType: 'json' };
  const connection = await api.create('connections', { name: 'Depot', type: 'http', http });
  const exportId = await api.create('exports', {
    name: 'Items',
    _connectionId: connection,
    adaptorType: 'HTTPExport',
    pageSize: sizes.pageSize,
    http: {
      formType: 'http',
      method: 'GET',
      relativeURI: '/items?page={{export.http.paging.page}}&limit=500',
      paging: { method: 'page', page: 0 },
    },
  });
  const importOn = (shelf: Shelf): Promise<string> =>
    api.create('imports', {
      name: shelf,
      _connectionId: connection,
      adaptorType: 'HTTPImport',
      http: {
        formType: 'http',
        method: ['POST'],
        relativeURI: [`/${shelf}`],
        requestMediaType: 'json',
        batchSize: sizes.batchSize,
        response: { resourceIdPath: ['id'], successPath: ['ok'], successValues: [['true']], errorPath: 'message' },
      },
    });
  const [large, utrecht, archive] = await Promise.all(shelves.map(importOn));
  const importIds = { large: large!, utrecht: utrecht!, archive: archive! };
  const into = (shelf: Shelf) => [{ type: 'import', _importId: importIds[shelf] }];
  const filter = (...rules: unknown[]) => ({ version: '1', rules });
  const flowId = await api.create('flows', {
    name: 'Items to shelves',
    pageGenerators: [{ _exportId: exportId }],
    routers: [
      {
        id: 'shelf',
        name: 'Which shelf?',
        routeRecordsTo: mode,
        branches: [
          {
            name: 'large',
            inputFilter: filter('greaterthanequals', ['extract', 'quantity'], 7),
            pageProcessors: into('large'),
            nextRouterId: 'archive',
          },
          {
            name: 'utrecht',
            inputFilter: filter('equals', ['extract', 'address.city'], 'Utrecht'),
            pageProcessors: into('utrecht'),
            nextRouterId: 'archive',
          },
          { name: 'few', inputFilter: filter('lessthanequals', ['extract', 'quantity'], 1) },
        ],
      },
      { id: 'archive', branches: [{ name: 'all', pageProcessors: into('archive') }] },
    ],
  });
  return { flowId, exportId, importIds };
}

/** What should become of the depot's items, by the rules of the flow, worked out record by record. */
export function expectedOn(
  total: number,
  mode: RoutingMode,
): {
  readonly shelves: Readonly<Record<Shelf, readonly number[]>>;
  readonly few: number;
  readonly ignored: number;
} {
  const large: number[] = [];
  const utrecht: number[] = [];
  let [few, ignored] = [0, 0];
  for (let id = 0; id < total; id += 1) {
    const { quantity, address } = item(id);
    const matches = [quantity >= 7, address.city === 'Utrecht', quantity <= 1];
    const first = matches.indexOf(true);
    const [isLarge, isUtrecht, isFew] =
      mode === 'all_matching_branches' ? matches : matches.map((_, branch) => branch === first);
    if (isLarge) large.push(id);
    if (isUtrecht) utrecht.push(id);
    if (isFew) few += 1;
    if (first < 0) ignored += 1;
  }
  const archive = [...large, ...utrecht].toSorted((a, b) => a - b);
  return { shelves: { large, utrecht, archive }, few, ignored };
}
