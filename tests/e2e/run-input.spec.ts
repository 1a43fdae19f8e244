import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import { FakeApp } from '#testing/fake-app';
import type { JobDocument } from '../support/api.js';
import { Standalone } from '../support/standalone.js';

const inputSchema = {
  type: 'object',
  required: ['region'],
  properties: { region: { enum: ['eu', 'us'] }, note: { type: 'string' } },
  additionalProperties: false,
};

describe('a run with an input', () => {
  let millrace: Standalone;
  let app: FakeApp;
  let flowId: string;
  let documents: { readonly exportId: string; readonly importId: string };
  const posted: { readonly path: string; readonly body: unknown }[] = [];

  beforeAll(async () => {
    app = await FakeApp.start((request) => {
      if (request.method === 'GET') return { body: [{ id: 1, of: request.query.get('region') }] };
      posted.push({ path: request.path, body: request.json });
      return { body: {} };
    });
    millrace = await Standalone.start();
    const { api } = millrace;
    const http = { formType: 'http', baseURI: app.url, mediaType: 'json' };
    const _connectionId = await api.create('connections', { name: 'App', type: 'http', http });
    const exportId = await api.create('exports', {
      name: 'Orders',
      _connectionId,
      adaptorType: 'HTTPExport',
      http: { formType: 'http', method: 'GET', relativeURI: '/orders?region={{job.input.region}}' },
      filter: {
        type: 'expression',
        expression: { version: '1', rules: ['equals', ['string', ['context', 'job.input.region']], ['extract', 'of']] },
      },
    });
    const importId = await api.create('imports', {
      name: 'Entries',
      _connectionId,
      adaptorType: 'HTTPImport',
      http: { formType: 'http', method: ['POST'], relativeURI: ['/entries/{{job.input.region}}'] },
      mappings: [
        { generate: 'id', dataType: 'number', extract: '$.id', status: 'Active' },
        { generate: 'note', dataType: 'string', extract: '{{job.input.note}}', status: 'Active' },
        { generate: 'region', dataType: 'string', extract: '$._CONTEXT.job.input.region', status: 'Active' },
      ],
      mappingContext: 'settings',
    });
    documents = { exportId, importId };
    const into = [{ type: 'import', _importId: importId }];
    flowId = await api.create('flows', {
      name: 'Orders of a region',
      inputSchema,
      pageGenerators: [{ _exportId: exportId }],
      routers: [
        {
          id: 'r',
          branches: [
            {
              name: 'europe',
              inputFilter: { version: '1', rules: ['equals', ['string', ['context', 'job.input.region']], 'eu'] },
              pageProcessors: into,
            },
          ],
        },
      ],
    });
  });
  afterAll(async () => {
    await Promise.all([millrace?.stop(), app?.close()]);
  });

  it('shows it to requests, filters, routers and mappings, and with the job', async () => {
    const { api } = millrace;
    const jobId = await api.run(flowId, { input: { region: 'eu', note: 'now' } });
    const job = await api.finished(jobId);
    expect(job).toMatchObject({ status: 'completed', numSuccess: 1, input: { region: 'eu', note: 'now' } });
    expect(posted).toEqual([{ path: '/entries/eu', body: { id: 1, note: 'now', region: 'eu' } }]);
    const [listed] = await api.call<JobDocument[]>('GET', `/v1/jobs?_flowId=${flowId}&type=flow`);
    expect([listed?._id, listed]).toEqual([jobId, expect.not.objectContaining({ input: expect.anything() })]);

    const other = await api.finished(await api.run(flowId, { input: { region: 'us' } }));
    expect(other).toMatchObject({ status: 'completed', numSuccess: 0, numIgnore: 1 });
  });

  it.each<[string, object, string, string]>([
    ['is missing', {}, 'missing_required_field', 'input.region'],
    ['has another value', { input: { region: 'mars' } }, 'invalid_field_value', 'input.region'],
    ['has an unknown name', { input: { region: 'eu', zone: 1 } }, 'invalid_field', 'input.zone'],
    ['is no object', { input: ['eu'] }, 'invalid_field_value', 'input'],
    ['is too large', { input: { region: 'eu', note: 'x'.repeat(33_000) } }, 'max', 'input'],
  ])('is refused when it %s', async (_, body, code, field) => {
    const answer = await millrace.api.send('POST', `/v1/flows/${flowId}/run`, body);
    expect([answer.status, answer.body]).toEqual([422, { errors: [{ code, field, message: expect.any(String) }] }]);
  });

  it('fails when a chain starts it without the input that its flow demands', async () => {
    const { api } = millrace;
    const first = await api.create('flows', {
      name: 'First',
      pageGenerators: [{ _exportId: documents.exportId }],
      pageProcessors: [{ type: 'import', _importId: documents.importId }],
      _runNextFlowIds: [flowId],
    });
    await api.finished(await api.run(first, { input: { region: 'eu' } }));
    let chained: JobDocument | undefined;
    await eventually('the chained run is there', async () => {
      const jobs = await api.call<(JobDocument & { triggeredBy: string })[]>(
        'GET',
        `/v1/jobs?_flowId=${flowId}&type=flow`,
      );
      chained = jobs.find(({ triggeredBy }) => triggeredBy === 'chain');
      return chained !== undefined;
    });
    expect(await api.finished(chained!._id)).toMatchObject({ status: 'failed', failure: { code: 'invalid_input' } });
  });

  it('is described by a schema that is checked when the flow is written', async () => {
    const answer = await millrace.api.send('POST', '/v1/flows', {
      name: 'F',
      inputSchema: { $ref: 'https://example.com/schema.json' },
    });
    expect([answer.status, answer.body]).toEqual([
      422,
      { errors: [{ code: 'invalid_field_value', field: 'inputSchema', message: expect.stringContaining('$ref') }] },
    ]);
  });
});
