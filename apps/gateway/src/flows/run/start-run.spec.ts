import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { queuedRuns } from '#contracts';
import { newId } from '#model';
import { documents, type GatewayUnderTest, makeFlow, startGateway } from '../../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway();
});
afterEach(() => {
  gateway.bus.offered.length = 0;
  gateway.bus.isDown = false;
});
afterAll(() => gateway.close());

const announced = () =>
  gateway.bus.offered.flatMap(({ topic, payload }) =>
    topic === 'runs.queued' ? queuedRuns.decode(Buffer.from(payload)).runs : [],
  );

const run = (flowId: string, body?: unknown, headers?: Record<string, string>) =>
  gateway.alice.call<{ _jobId: string; errors: { code: string; field?: string }[] }>(
    'POST',
    `/v1/flows/${flowId}/run`,
    body,
    headers,
  );

describe('POST /flows/:id/run', () => {
  it('stores a queued job, then announces it', async () => {
    const { flowId } = await makeFlow(gateway.alice);
    const { status, body } = await run(flowId);
    expect({ status, body }).toEqual({ status: 201, body: { _jobId: expect.stringMatching(/^[0-9a-f]{24}$/) } });
    const job = await gateway.alice.call('GET', `/v1/jobs/${body._jobId}`);
    expect(job.body).toMatchObject({
      type: 'flow',
      status: 'queued',
      _flowId: flowId,
      triggeredBy: 'manual',
      children: [],
    });

    expect(announced()).toEqual([
      {
        accountId: gateway.alice.accountId,
        flowId,
        jobId: body._jobId,
        asked: { triggeredBy: 'manual', traceparent: expect.any(String) },
      },
    ]);
  });

  it('hands on the window, the generators and the trace', async () => {
    const { flowId, exportId } = await makeFlow(gateway.alice);
    const { body } = await run(
      flowId,
      { export: { startDate: '2026-01-01T02:00:00+02:00', endDate: '2026-02-01' }, _exportIds: [exportId] },
      { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    );
    const row = await gateway.store.jobs.get(gateway.alice.accountId, body._jobId);
    expect(row).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      request: {
        export: { startDate: '2026-01-01T00:00:00.000Z', endDate: '2026-02-01T00:00:00.000Z' },
        _exportIds: [exportId],
        traceparent: expect.stringContaining('0af7651916cd43dd8448eb211c80319c'),
      },
    });
    // What more the row says is read from there.
    expect(announced()).toEqual([{ accountId: gateway.alice.accountId, flowId, jobId: body._jobId }]);
  });

  it('leaves it to the row to say of which window it is, where it has one', async () => {
    const { flowId } = await makeFlow(gateway.alice);
    const { body } = await run(flowId, { export: { startDate: '2026-01-01', endDate: '2026-02-01' } });
    const row = await gateway.store.jobs.get(gateway.alice.accountId, body._jobId);
    expect(row?.request).toMatchObject({ export: { startDate: '2026-01-01T00:00:00.000Z' } });
    expect(announced()).toEqual([{ accountId: gateway.alice.accountId, flowId, jobId: body._jobId }]);
  });

  it('hands on an input that meets the schema of the flow, and refuses others', async () => {
    const inputSchema = { required: ['day'], properties: { day: { type: 'string', format: 'date' } } };
    const { flowId } = await makeFlow(gateway.alice, { inputSchema });
    const { body } = await run(flowId, { input: { day: '2026-02-28', more: [1] } });
    const row = await gateway.store.jobs.get(gateway.alice.accountId, body._jobId);
    expect(row?.request['input']).toEqual({ day: '2026-02-28', more: [1] });
    const refused = await run(flowId, { input: { day: '2026-02-31' } });
    expect([refused.status, refused.body.errors]).toEqual([
      422,
      [{ code: 'invalid_field_value', field: 'input.day', message: expect.any(String) }],
    ]);
    expect((await run(flowId)).body.errors[0]).toMatchObject({ code: 'missing_required_field', field: 'input.day' });
  });

  it('accepts a run that cannot be announced now: the job is the intent', async () => {
    const { flowId } = await makeFlow(gateway.alice);
    gateway.bus.isDown = true;
    expect((await run(flowId)).status).toBe(201);
  });

  it('takes one run and one that waits, and refuses the third (decision 5)', async () => {
    const { flowId } = await makeFlow(gateway.alice);
    expect([(await run(flowId)).status, (await run(flowId)).status]).toEqual([201, 201]);
    const { status, body } = await run(flowId);
    expect([status, body.errors[0]?.code]).toEqual([409, 'run_already_queued']);
  });

  it('works for a legacy flow of one export and one import', async () => {
    const { exportId, importId } = await makeFlow(gateway.alice);
    const flowId = await gateway.alice.make('flows', { name: 'Old', _exportId: exportId, _importId: importId });
    expect((await run(flowId)).status).toBe(201);
  });

  it.each<[string, unknown, string, string | undefined]>([
    ['a time that is none', { export: { startDate: 'yesterday' } }, 'invalid_field_value', 'export.startDate'],
    ['no generators at all', { _exportIds: [] }, 'invalid_field_value', '_exportIds'],
    ['a foreign generator', { _exportIds: ['f'.repeat(24)] }, 'invalid_ref', '_exportIds[0]'],
    ['a body of another shape', [], 'invalid_field_value', undefined],
  ])('refuses %s', async (_, body, code, field) => {
    const { flowId } = await makeFlow(gateway.alice);
    const answer = await run(flowId, body);
    expect([answer.status, answer.body.errors[0]?.code, answer.body.errors[0]?.field]).toEqual([422, code, field]);
  });

  it.each<[string, object, string, string | undefined]>([
    ['disabled', { disabled: true }, 'inactive_flow', undefined],
    ['without generators', { pageGenerators: [] }, 'invalid_flow', 'pageGenerators'],
    ['still being set up', { pageGenerators: [{ setupInProgress: true }] }, 'invalid_flow', 'pageGenerators'],
    [
      'routed by a script that it does not name',
      { pageProcessors: [], routers: [{ id: 'r', routeRecordsUsing: 'script', branches: [{ name: 'b' }] }] },
      'invalid_flow',
      'routers[0].script',
    ],
  ])('refuses a flow that is %s', async (_, change, code, field) => {
    const { flowId } = await makeFlow(gateway.alice, change);
    const { status, body } = await run(flowId);
    expect([status, body.errors[0]?.code, body.errors[0]?.field]).toEqual([422, code, field]);
    expect(gateway.bus.offered).toEqual([]);
  });

  it('starts a flow with routers', async () => {
    const { importId, flowId } = await makeFlow(gateway.alice);
    const pageProcessors = [{ type: 'import', _importId: importId }];
    const { body: flow } = await gateway.alice.call('GET', `/v1/flows/${flowId}`);
    const routers = [{ id: 'r', branches: [{ name: 'all', pageProcessors }] }];
    await gateway.alice.call('PUT', `/v1/flows/${flowId}`, { ...flow, pageProcessors: [], routers });
    expect((await run(flowId)).status).toBe(201);
  });

  it('refuses what does not run yet by name, also in the steps (decision 28)', async () => {
    const { connectionId, importId } = await makeFlow(gateway.alice);
    const document = documents.httpExport(connectionId);
    const exportId = await gateway.alice.make('exports', {
      ...document,
      type: 'blob',
      http: { ...document.http, _asyncHelperId: newId() },
    });
    const flowId = await gateway.alice.make('flows', {
      name: 'F',
      pageGenerators: [{ _exportId: exportId }],
      pageProcessors: [{ type: 'import', _importId: importId }],
    });
    const { status, body } = await run(flowId);
    expect(status).toBe(422);
    expect(body.errors.map(({ code, field }) => `${code} ${field}`)).toEqual([
      `not_supported exports/${exportId}.http._asyncHelperId`,
      `not_supported exports/${exportId}.type`,
    ]);
  });

  it('refuses an import that reads a lookup cache, which no mapping need name', async () => {
    const { flowId, importId } = await makeFlow(gateway.alice);
    const stored = await gateway.alice.call('GET', `/v1/imports/${importId}`);
    const lookups = [{ name: 'l', _lookupCacheId: '1'.repeat(24) }];
    await gateway.alice.call('PUT', `/v1/imports/${importId}`, { ...(stored.body as object), lookups });
    const { status, body } = await run(flowId);
    expect([status, body.errors[0]?.code, body.errors[0]?.field]).toEqual([
      422,
      'not_supported',
      `imports/${importId}.lookups`,
    ]);
  });

  it('refuses a flow whose step was deleted', async () => {
    const { flowId, importId } = await makeFlow(gateway.alice);
    await gateway.alice.call('DELETE', `/v1/imports/${importId}`);
    const { status, body } = await run(flowId);
    expect([status, body.errors[0]?.code]).toEqual([422, 'invalid_flow']);
  });

  it('coalesces: a hundred starts at once cost a handful of statements', async () => {
    const flows = await Promise.all(Array.from({ length: 20 }, () => makeFlow(gateway.alice)));
    const { documents: port } = gateway.store;
    const getMany = port.getMany.bind(port);
    let statements = 0;
    port.getMany = (...args) => {
      statements += 1;
      return getMany(...args);
    };
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => run(flows[i % 20]!.flowId)));
    port.getMany = getMany;
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(40);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(60);
    expect(statements).toBeLessThan(60);
  });
});
