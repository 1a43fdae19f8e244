import { FakeApp, type FakeAnswer, type ReceivedRequest } from '#testing/fake-app';
import type { ApiClient } from './api.js';

export interface Item {
  readonly id: number;
  readonly name: string;
  readonly quantity: number;
  readonly address: { readonly city: string };
}

export const item = (id: number): Item => ({
  id,
  name: `item ${id}`,
  quantity: id % 10,
  address: { city: id % 2 === 0 ? 'Utrecht' : 'Gent' },
});

/** A source of `total` items (`GET /items?page=N&limit=L`, from page 0) and a destination that remembers what it took. */
export class Shop {
  /** how often each id was accepted */
  readonly accepted = new Map<number, number>();
  /** requests by idempotency key */
  readonly keys = new Map<string, number>();
  /** Decides about one record: null accepts, else the answer for it. */
  refuse: (item: { id: number }) => { code: string; message: string } | null = () => null;
  /** Decides about a whole request before its records: null goes on. */
  intercept: (request: ReceivedRequest, count: number) => FakeAnswer | Promise<FakeAnswer> | null = () => null;
  posts = 0;

  private constructor(
    readonly app: FakeApp,
    public total: number,
  ) {}

  static async open(total: number): Promise<Shop> {
    const app = await FakeApp.start();
    const shop = new Shop(app, total);
    app.answer((request) => shop.#serve(request));
    return shop;
  }

  get duplicates(): number {
    let sum = 0;
    for (const times of this.accepted.values()) sum += times - 1;
    return sum;
  }

  close(): Promise<void> {
    return this.app.close();
  }

  async #serve(request: ReceivedRequest): Promise<FakeAnswer> {
    if (request.method === 'GET') {
      const limit = Number(request.query.get('limit') ?? 100);
      const first = Number(request.query.get('page') ?? 0) * limit;
      const count = Math.max(0, Math.min(limit, this.total - first));
      return { body: Array.from({ length: count }, (_, i) => item(first + i)) };
    }
    this.posts += 1;
    const intercepted = await this.intercept(request, this.posts);
    if (intercepted) return intercepted;
    const key = String(request.headers['idempotency-key'] ?? '');
    this.keys.set(key, (this.keys.get(key) ?? 0) + 1);
    const batch = (Array.isArray(request.json) ? request.json : [request.json]) as { id: number }[];
    return {
      body: batch.map((record) => {
        const refused = this.refuse(record);
        if (refused) return { ok: false, ...refused };
        this.accepted.set(record.id, (this.accepted.get(record.id) ?? 0) + 1);
        return { ok: true, id: String(record.id) };
      }),
    };
  }
}

export interface ShopFlow {
  readonly flowId: string;
  readonly exportId: string;
  readonly importId: string;
  readonly sourceId: string;
  readonly destinationId: string;
}

/** A flow that copies the shop's items with a positive quantity, in pages and batches of the given sizes. */
export async function createShopFlow(
  api: ApiClient,
  shop: Shop,
  options: {
    pageSize?: number;
    limit?: number;
    batchSize?: number;
    concurrencyLevel?: number;
    export?: object;
    import?: object;
    flow?: object;
  } = {},
): Promise<ShopFlow> {
  const { pageSize = 100, limit = 100, batchSize = 50 } = options;
  const http = { formType: 'http', baseURI: shop.app.url, mediaType: 'json' };
  const sourceId = await api.create('connections', { name: 'Shop', type: 'http', http });
  const destinationId = await api.create('connections', {
    name: 'Books',
    type: 'http',
    http: {
      ...http,
      ...(options.concurrencyLevel === undefined ? {} : { concurrencyLevel: options.concurrencyLevel }),
    },
  });
  const exportId = await api.create('exports', {
    name: 'Items',
    _connectionId: sourceId,
    adaptorType: 'HTTPExport',
    pageSize,
    http: {
      formType: 'http',
      method: 'GET',
      relativeURI: `/items?page={{export.http.paging.page}}&limit=${limit}`,
      paging: { method: 'page', page: 0 },
    },
    filter: {
      type: 'expression',
      expression: { version: '1', rules: ['greaterthan', ['number', ['extract', 'quantity']], 0] },
    },
    ...options.export,
  });
  const importId = await api.create('imports', {
    name: 'Entries',
    _connectionId: destinationId,
    adaptorType: 'HTTPImport',
    http: {
      formType: 'http',
      method: ['POST'],
      relativeURI: ['/entries'],
      requestMediaType: 'json',
      batchSize,
      response: { resourceIdPath: ['id'], successPath: ['ok'], successValues: [['true']], errorPath: 'message' },
    },
    mappings: [
      { generate: 'id', dataType: 'number', extract: '$.id', status: 'Active' },
      {
        generate: 'title',
        dataType: 'string',
        extract: '{{record.name}} in {{record.address.city}}',
        status: 'Active',
      },
    ],
    ...options.import,
  });
  const flowId = await api.create('flows', {
    name: 'Items to entries',
    disabled: false,
    pageGenerators: [{ _exportId: exportId }],
    pageProcessors: [{ type: 'import', _importId: importId }],
    ...options.flow,
  });
  return { flowId, exportId, importId, sourceId, destinationId };
}

/** Items of a shop that pass the flow's filter. */
export function expectedItems(total: number): number {
  let count = 0;
  for (let id = 0; id < total; id += 1) if (item(id).quantity > 0) count += 1;
  return count;
}
