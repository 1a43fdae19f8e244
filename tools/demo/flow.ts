import type { Api } from './api.js';

export interface Places {
  readonly sourceUrl: string;
  readonly directoryUrl: string;
  readonly database: { host: string; port: number; database: string; user: string; password: string };
}

export interface DemoFlow {
  readonly flowId: string;
  readonly exportId: string;
  readonly tableImportId: string;
  readonly directoryImportId: string;
}

const field = (generate: string, dataType: string, extract: string): object => ({
  generate,
  dataType,
  extract,
  status: 'Active',
});

/** Creates the demo's resources, as any client would. */
export async function createFlow(api: Api, places: Places): Promise<DemoFlow> {
  const integration = await api.create('integrations', { name: 'Cities of the world' });
  const source = await api.create('connections', {
    name: 'Cities (json-server)',
    type: 'http',
    http: { formType: 'http', baseURI: places.sourceUrl, mediaType: 'json', ping: { relativeURI: '/cities?_limit=1' } },
  });
  const database = await api.create('connections', {
    name: 'Warehouse (PostgreSQL)',
    type: 'rdbms',
    rdbms: { type: 'postgresql', ...places.database },
  });
  const directory = await api.create('connections', {
    name: 'Directory (an application with rules)',
    type: 'http',
    http: {
      formType: 'http',
      baseURI: places.directoryUrl,
      mediaType: 'json',
      concurrencyLevel: 8,
      ping: { relativeURI: '/stats' },
    },
  });
  for (const id of [source, database, directory]) {
    const ping = await api.call<{ code: number }>('GET', `/v1/connections/${id}/ping`);
    if (ping.code !== 200) throw new Error(`The connection ${id} does not answer: ${JSON.stringify(ping)}`);
  }

  const exportId = await api.create('exports', {
    name: 'All cities, 1,000 a page',
    _connectionId: source,
    adaptorType: 'HTTPExport',
    pageSize: 1000,
    http: {
      formType: 'http',
      method: 'GET',
      relativeURI: '/cities?_page={{export.http.paging.page}}&_limit=1000',
      paging: { method: 'page', page: 1 },
    },
    filter: {
      type: 'expression',
      expression: { version: '1', rules: ['greaterthan', ['number', ['extract', 'population']], 0] },
    },
  });
  const tableImportId = await api.create('imports', {
    name: 'Every inhabited place into the warehouse',
    _connectionId: database,
    adaptorType: 'RDBMSImport',
    rdbms: { queryType: ['bulk_load'], bulkLoad: { tableName: 'cities', primaryKeys: ['id'] } },
    mappings: [
      field('id', 'number', '$.cityId'),
      field('name', 'string', '$.name'),
      field('country', 'string', '$.country'),
      field('population', 'number', '$.population'),
      field('longitude', 'number', '$.loc.coordinates[0]'),
      field('latitude', 'number', '$.loc.coordinates[1]'),
    ],
  });
  const directoryImportId = await api.create('imports', {
    name: 'Large places into the directory',
    _connectionId: directory,
    adaptorType: 'HTTPImport',
    filter: {
      type: 'expression',
      expression: { version: '1', rules: ['greaterthan', ['number', ['extract', 'population']], 50_000] },
    },
    http: {
      formType: 'http',
      method: ['POST'],
      relativeURI: ['/places'],
      requestMediaType: 'json',
      batchSize: 100,
      response: {
        resourceIdPath: ['id'],
        successPath: ['ok'],
        successValues: [['true']],
        errorPath: 'message',
      },
    },
    mappings: [
      field('externalId', 'number', '$.cityId'),
      field('name', 'string', '$.name'),
      field('countryCode', 'string', '$.country'),
      field('population', 'number', '$.population'),
      field('label', 'string', '{{record.name}}, {{record.country}}'),
    ],
  });
  const flowId = await api.create('flows', {
    name: 'Cities to the warehouse and the directory',
    _integrationId: integration,
    disabled: false,
    pageGenerators: [{ _exportId: exportId }],
    pageProcessors: [
      { type: 'import', _importId: tableImportId },
      { type: 'import', _importId: directoryImportId },
    ],
  });
  return { flowId, exportId, tableImportId, directoryImportId };
}
