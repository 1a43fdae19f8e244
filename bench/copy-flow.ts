import type { Platform } from './platform.js';

interface CopyFlow {
  readonly platform: Platform;
  readonly sourceUrl: string;
  readonly sinkUrl: string;
  readonly pageSize: number;
  readonly total: number;
}

const field = (generate: string, extract: string, dataType = 'string'): object => ({
  generate,
  extract,
  dataType,
  status: 'Active',
});

/** Creates the scenario's connections once; flows share them. */
export async function createConnections(
  platform: Platform,
  sourceUrl: string,
  sinkUrl: string,
): Promise<{ source: string; sink: string }> {
  const make = async (name: string, baseURI: string): Promise<string> =>
    (
      await platform.call<{ _id: string }>('POST', '/v1/connections', {
        name,
        type: 'http',
        http: { formType: 'http', baseURI, mediaType: 'json', concurrencyLevel: 50 },
      })
    )._id;
  return { source: await make('source', sourceUrl), sink: await make('sink', sinkUrl) };
}

/** paged HTTP JSON export → filter → 10-field map → HTTP import in batches of a page */
export async function createCopyFlow(
  flow: CopyFlow & { connections: { source: string; sink: string } },
): Promise<string> {
  const { platform, connections, pageSize, total } = flow;
  const source = await platform.call<{ _id: string }>('POST', '/v1/exports', {
    name: `records, ${pageSize} a page`,
    _connectionId: connections.source,
    adaptorType: 'HTTPExport',
    pageSize,
    http: {
      formType: 'http',
      method: 'GET',
      relativeURI: `/records?page={{export.http.paging.page}}&limit=${pageSize}&total=${total}`,
      paging: { method: 'page', page: 0 },
    },
    filter: {
      type: 'expression',
      expression: { version: '1', rules: ['greaterthan', ['number', ['extract', 'quantity']], 0] },
    },
  });
  const sink = await platform.call<{ _id: string }>('POST', '/v1/imports', {
    name: 'records',
    _connectionId: connections.sink,
    adaptorType: 'HTTPImport',
    http: {
      formType: 'http',
      method: ['POST'],
      relativeURI: ['/records'],
      requestMediaType: 'json',
      batchSize: Math.max(2, pageSize),
    },
    mappings: [
      field('id', '$.id', 'number'),
      field('code', '$.sku'),
      field('title', '$.name'),
      field('text', '$.description'),
      field('amount', '$.price', 'number'),
      field('available', '$.quantity', 'number'),
      field('buyer', '$.customer.name'),
      field('city', '$.customer.address.city'),
      field('changed', '$.updatedAt'),
      field('kind', 'product'),
    ],
  });
  const created = await platform.call<{ _id: string }>('POST', '/v1/flows', {
    name: `copy ${total} records`,
    disabled: false,
    pageGenerators: [{ _exportId: source._id }],
    pageProcessors: [{ type: 'import', _importId: sink._id }],
  });
  return created._id;
}

export interface FinalJob {
  readonly status: string;
  readonly numSuccess: number;
  readonly numError: number;
  readonly numIgnore: number;
}

/**
 * Starts a run and follows its events until the last one, which carries the final job: what a client of the API sees,
 * without asking again and again, which would measure the asking.
 */
export async function runFlow(platform: Platform, flowId: string): Promise<{ job: FinalJob; seconds: number }> {
  const startedAt = performance.now();
  const { _jobId } = await platform.call<{ _jobId: string }>('POST', `/v1/flows/${flowId}/run`);
  const job = await platform.lastEvent<FinalJob>(`/v1/jobs/${_jobId}/events`);
  return { job, seconds: (performance.now() - startedAt) / 1000 };
}
