import { FakeApp, type FakeAnswer, type ReceivedRequest } from '#testing/fake-app';
import type { ApiClient } from './api.js';

/** Names of the destinations of {@link createWorkshopFlow}. */
export type Bench = 'large' | 'all';

interface Part {
  readonly id: number;
  readonly size: number;
}

/** Two sources of parts (`GET /left`, `/right`), a catalogue (`GET /catalogue/<id>`), and two destinations that heed keys. */
export class Workshop {
  /** by destination and idempotency key: what the request carried, and how often it came */
  readonly requests = new Map<string, Map<string, { readonly records: readonly StoredPart[]; times: number }>>();

  private constructor(
    readonly app: FakeApp,
    readonly totalEach: number,
  ) {}

  static async open(totalEach: number): Promise<Workshop> {
    const app = await FakeApp.start();
    const workshop = new Workshop(app, totalEach);
    app.answer((request) => workshop.#serve(request));
    return workshop;
  }

  close(): Promise<void> {
    return this.app.close();
  }

  /** What a destination keeps: each request once. */
  storedOn(bench: Bench): readonly StoredPart[] {
    return [...(this.requests.get(bench)?.values() ?? [])]
      .flatMap(({ records }) => records)
      .toSorted((a, b) => a.id - b.id);
  }

  get repeatedRequests(): number {
    const all = [...this.requests.values()].flatMap((byKey) => [...byKey.values()]);
    return all.reduce((sum, { times }) => sum + times - 1, 0);
  }

  #serve(request: ReceivedRequest): FakeAnswer {
    const [, place, id] = request.path.split('/');
    if (request.method === 'GET' && place === 'catalogue') {
      // One part in ten is in no catalogue.
      return { body: { items: Number(id) % 10 === 9 ? [] : [{ label: `part ${id}` }] } };
    }
    if (request.method === 'GET') {
      const limit = Number(request.query.get('limit'));
      const first = Number(request.query.get('page')) * limit;
      const count = Math.max(0, Math.min(limit, this.totalEach - first));
      const offset = place === 'left' ? 0 : this.totalEach;
      return { body: Array.from({ length: count }, (_, at): Part => partOf(offset + first + at)) };
    }
    const key = String(request.headers['idempotency-key']);
    const records = request.json as StoredPart[];
    const byKey =
      this.requests.get(place!) ?? new Map<string, { readonly records: readonly StoredPart[]; times: number }>();
    this.requests.set(place!, byKey);
    const known = byKey.get(key);
    if (known && JSON.stringify(known.records) !== JSON.stringify(records))
      return { status: 409, body: 'another request' };
    byKey.set(key, { records, times: (known?.times ?? 0) + 1 });
    return { body: records.map(({ id: stored }) => ({ ok: stored % 1_000 !== 500, id: `stored-${stored}` })) };
  }
}

export const partOf = (id: number): Part => ({ id, size: id % 7 });

/** A part as destinations get it. */
export interface StoredPart {
  readonly id: number;
  readonly code: string;
  readonly label: string;
  /** by which hooks it came */
  readonly marks: readonly string[];
}

/** Every hook of flows, and a router; each leaves a mark that the destination sees. */
const script = `
  import dayjs from 'dayjs';

  function preSavePage(options) {
    return { data: options.data.filter((part) => part.size !== 6), errors: options.errors, abort: false };
  }
  function keepKnown(options) {
    const data = options.data;
    return data.length > 0 ? { data } : {
      data,
      newErrorsAndRetryData: [{ retryData: {}, errors: [{ code: 'unknown_part', message: 'in no catalogue' }] }],
    };
  }
  function nameParts(options) {
    return options.postResponseMapData.map((part) => ({ ...part, marks: [dayjs('2026-01-02').format('[postResponseMap]')] }));
  }
  function route({ record }) {
    if (record.size >= 4) return 'large';
    return record.size >= 1 ? ['small'] : [2];
  }
  function preMap(options) {
    return options.data.map((part) => ({ data: { ...part, marks: [...part.marks, 'preMap'] } }));
  }
  function postMap(options) {
    return options.postMapData.map((part, at) =>
      options.preMapData[at].id % 1000 === 1 ? {} : { data: { ...part, marks: [...part.marks, 'postMap'] } });
  }
  function postSubmit(options) {
    return options.responseData.map((response) => {
      if (response.statusCode === 200) return response;
      return { ...response, errors: response.errors.map((error) => ({ ...error, code: 'refused_part' })) };
    });
  }
  function remember(options) {
    return options.postResponseMapData.map((part, at) => ({ ...part, stored: options.responseData[at].id }));
  }
`;

export interface WorkshopFlow {
  readonly flowId: string;
  readonly exportIds: Readonly<Record<'left' | 'right', string>>;
  readonly lookupId: string;
  readonly importIds: Readonly<Record<Bench, string>>;
}

/**
 * Two generators with a transform and preSavePage; a lookup with response mapping; a router by script with three branches,
 * of which one imports, one passes and both meet in a second import, and one ends; every hook on the way.
 */
export async function createWorkshopFlow(api: ApiClient, workshop: Workshop): Promise<WorkshopFlow> {
  const _scriptId = await api.create('scripts', { name: 'Workshop', content: script });
  const hook = (name: string) => ({ _scriptId, function: name });
  const http = { formType: 'http', baseURI: workshop.app.url, mediaType: 'json', concurrencyLevel: 25 };
  const _connectionId = await api.create('connections', { name: 'Workshop', type: 'http', http });
  const generator = (place: string): Promise<string> =>
    api.create('exports', {
      name: place,
      _connectionId,
      pageSize: 500,
      http: {
        method: 'GET',
        relativeURI: `/${place}?page={{export.http.paging.page}}&limit=1000`,
        paging: { method: 'page', page: 0 },
      },
      transform: {
        type: 'expression',
        expression: {
          version: '2',
          rulesTwoDotZero: {
            mode: 'modify',
            mappings: [{ generate: 'code', dataType: 'string', extract: 'P-{{record.id}}', status: 'Active' }],
          },
        },
      },
      hooks: { preSavePage: hook('preSavePage') },
    });
  const importOn = (bench: Bench): Promise<string> =>
    api.create('imports', {
      name: bench,
      _connectionId,
      http: {
        method: ['POST'],
        relativeURI: [`/${bench}`],
        batchSize: 250,
        response: { resourceIdPath: ['id'], successPath: ['ok'], successValues: [['true']] },
      },
      mappings: [
        { generate: 'id', dataType: 'number', extract: '$.id', status: 'Active' },
        { generate: 'code', dataType: 'string', extract: '$.code', status: 'Active' },
        { generate: 'label', dataType: 'string', extract: '$.label', status: 'Active' },
        { generate: 'marks', dataType: 'stringarray', extract: '$.marks', status: 'Active' },
      ],
      hooks: { preMap: hook('preMap'), postMap: hook('postMap'), postSubmit: hook('postSubmit') },
    });
  const [left, right, lookupId, large, all] = await Promise.all([
    generator('left'),
    generator('right'),
    api.create('exports', {
      name: 'Catalogue',
      _connectionId,
      isLookup: true,
      http: {
        method: 'GET',
        relativeURI: '/catalogue/{{record.id}}',
        response: { resourcePath: 'items' },
      },
      hooks: { preSavePage: hook('keepKnown') },
    }),
    importOn('large'),
    importOn('all'),
  ]);
  const flowId = await api.create('flows', {
    name: 'Workshop',
    pageGenerators: [{ _exportId: left }, { _exportId: right }],
    runPageGeneratorsInParallel: true,
    routers: [
      {
        id: 'entry',
        branches: [
          {
            name: 'every part',
            pageProcessors: [
              {
                type: 'export',
                _exportId: lookupId,
                responseMapping: { fields: [{ extract: 'data[0].label', generate: 'label' }] },
                hooks: { postResponseMap: hook('nameParts') },
              },
            ],
            nextRouterId: 'size',
          },
        ],
      },
      {
        id: 'size',
        routeRecordsUsing: 'script',
        routeRecordsTo: 'first_matching_branch',
        script: hook('route'),
        branches: [
          {
            name: 'large',
            pageProcessors: [{ type: 'import', _importId: large, hooks: { postResponseMap: hook('remember') } }],
            nextRouterId: 'merge',
          },
          { name: 'small', nextRouterId: 'merge' },
          { name: 'none' },
        ],
      },
      { id: 'merge', branches: [{ name: 'all', pageProcessors: [{ type: 'import', _importId: all }] }] },
    ],
  });
  return { flowId, exportIds: { left, right }, lookupId, importIds: { large, all } };
}

/** What should become of the parts, worked out one by one. */
export interface ExpectedCounts {
  /** of each generator */
  readonly generators: Readonly<Record<'left' | 'right', { numSuccess: number; numIgnore: number }>>;
  readonly lookup: { numSuccess: number; numError: number };
  readonly imports: Readonly<Record<Bench, { numSuccess: number; numError: number; numIgnore: number }>>;
  /** by router: records per branch */
  readonly branches: readonly (readonly number[])[];
  /** ids on each destination */
  readonly sent: Readonly<Record<Bench, readonly number[]>>;
}

export function expectedOf(totalEach: number): ExpectedCounts {
  const generators = {
    left: { numSuccess: 0, numIgnore: 0 },
    right: { numSuccess: 0, numIgnore: 0 },
  };
  const lookup = { numSuccess: 0, numError: 0 };
  const imports = {
    large: { numSuccess: 0, numError: 0, numIgnore: 0 },
    all: { numSuccess: 0, numError: 0, numIgnore: 0 },
  };
  const sent: Record<Bench, number[]> = { large: [], all: [] };
  const branches = [[0], [0, 0, 0], [0]];
  /** @returns whether the part goes on */
  const submit = (bench: Bench, id: number): boolean => {
    if (id % 1_000 === 1) {
      imports[bench].numIgnore += 1;
      return true;
    }
    sent[bench].push(id);
    const isAccepted = id % 1_000 !== 500;
    imports[bench][isAccepted ? 'numSuccess' : 'numError'] += 1;
    return isAccepted;
  };
  for (let id = 0; id < 2 * totalEach; id += 1) {
    const { size } = partOf(id);
    const source = generators[id < totalEach ? 'left' : 'right'];
    if (size === 6) {
      source.numIgnore += 1;
      continue;
    }
    source.numSuccess += 1;
    branches[0]![0]! += 1;
    if (id % 10 === 9) {
      lookup.numError += 1;
      continue;
    }
    lookup.numSuccess += 1;
    const branch = size >= 4 ? 0 : size >= 1 ? 1 : 2;
    branches[1]![branch]! += 1;
    if (branch === 2 || (branch === 0 && !submit('large', id))) continue;
    branches[2]![0]! += 1;
    submit('all', id);
  }
  return { generators, lookup, imports, branches, sent };
}
