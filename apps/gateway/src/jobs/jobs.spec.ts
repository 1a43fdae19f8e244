import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCancel, signals } from '#contracts';
import { newId } from '#model';
import { type GatewayUnderTest, makeFlow, startGateway } from '../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
let address: string;
beforeAll(async () => {
  gateway = await startGateway();
  await gateway.app.listen(0, '127.0.0.1');
  address = `http://127.0.0.1:${(gateway.app.getHttpServer().address() as AddressInfo).port}`;
});
afterAll(() => gateway.close());

type Doc = Record<string, unknown>;
const call = <T = Doc>(...args: Parameters<GatewayUnderTest['alice']['call']>) => gateway.alice.call<T>(...args);

/** A run that is running, with one child job per step. */
async function startedRun() {
  const made = await makeFlow(gateway.alice);
  const run = await call<{ _jobId: string }>('POST', `/v1/flows/${made.flowId}/run`);
  const jobId = run.body._jobId;
  const planId = newId();
  await gateway.store.plans.put(planId, gateway.alice.accountId, {
    flow: { _id: made.flowId, name: 'F' },
    exports: {},
    imports: {},
    connections: {},
    settings: {},
  });
  const outcome = await gateway.store.jobs.start(jobId, planId, [
    { jobId: newId(), type: 'export', stepId: made.exportId, oIndex: 0 },
    { jobId: newId(), type: 'import', stepId: made.importId, oIndex: 1 },
  ]);
  expect(outcome).toBe('started');
  return { ...made, jobId };
}

let offset = 0n;

/** What the errors service does with the finish marker of a run. */
async function finish(runId: string, flowId: string): Promise<void> {
  await gateway.store.ledger.apply({
    topic: 'step-results',
    group: 'errors',
    partition: 0,
    firstOffset: offset,
    nextOffset: (offset += 1n),
    pages: [],
    generators: [],
    finished: [
      {
        v: 1,
        kind: 'finished',
        runId,
        accountId: gateway.alice.accountId,
        flowId,
        canceled: true,
        finishedAt: new Date().toISOString(),
      },
    ],
    errors: [],
  });
  gateway.bus.signal(signals.jobFinal, runId);
}

describe('jobs', () => {
  it('embed their children in order (decision 9)', async () => {
    const { jobId, exportId, importId, flowId } = await startedRun();
    for (const url of [`/v1/jobs/${jobId}`, `/v1/jobs/${jobId}/family`]) {
      const { body } = await call<{ children: Doc[] }>('GET', url);
      expect(body).toMatchObject({
        _id: jobId,
        type: 'flow',
        status: 'running',
        startedAt: expect.any(String),
        children: [
          { type: 'export', _exportId: exportId, _flowJobId: jobId, _parentJobId: jobId, oIndex: 0 },
          { type: 'import', _importId: importId, _flowJobId: jobId, oIndex: 1, retriable: false },
        ],
      });
      expect(body).not.toHaveProperty('accountId');
      expect(body).not.toHaveProperty('_integrationId');
      const child = await call('GET', `/v1/jobs/${String(body.children[0]!['_id'])}`);
      expect(child.body).toMatchObject({ type: 'export', _flowId: flowId });
    }
    const listed = await call<Doc[]>('GET', `/v1/jobs?_flowJobId=${jobId}`);
    expect(new Set(listed.body.map((job) => job['type']))).toEqual(new Set(['export', 'import']));
    expect((await call<Doc[]>('GET', `/v1/jobs?flow_job_id=${jobId}&type=import`)).body).toHaveLength(1);
  });

  it('list newest first, filtered', async () => {
    const first = await startedRun();
    const second = await startedRun();
    const listed = await call<Doc[]>('GET', `/v1/jobs?type=flow&_flowId_in=${first.flowId},${second.flowId}`);
    expect(listed.body.map((job) => job['_id'])).toEqual([second.jobId, first.jobId]);
    const until = String(listed.body[1]!['createdAt']);
    const older = await call<Doc[]>('GET', `/v1/jobs?type=flow&_flowId=${first.flowId}&createdAt_lte=${until}`);
    expect(older.body.map((job) => job['_id'])).toEqual([first.jobId]);
    expect((await call('GET', `/v1/jobs?_flowId=${first.flowId}&status=completed`)).status).toBe(204);
    expect((await call<Doc[]>('GET', '/v1/jobs?pageSize=1')).body).toHaveLength(1);
    expect((await call('GET', `/v1/jobs?_flowId=${first.flowId}&numError_gte=1`)).status).toBe(204);
  });

  it.each(['_flowId=abc', 'type=nonsense', 'status=done', 'createdAt_gte=soon', 'pageSize=0', 'numError_gte=x'])(
    'refuse ?%s',
    async (query) => {
      const { status, body } = await call('GET', `/v1/jobs?${query}`);
      expect({ status, body }).toMatchObject({ status: 400, body: { errors: [{ code: 'invalid_query_params' }] } });
    },
  );

  it('are canceled: a queued one at once, a running one by command', async () => {
    const { jobId, flowId } = await startedRun();
    const queued = await call<{ _jobId: string }>('POST', `/v1/flows/${flowId}/run`);
    gateway.bus.published.length = 0;

    const atOnce = await call('PUT', `/v1/jobs/${queued.body._jobId}/cancel`);
    expect(atOnce).toMatchObject({ status: 200, body: { _id: queued.body._jobId, status: 'canceled' } });
    expect(gateway.bus.published).toEqual([]);

    const running = await call('PUT', `/v1/jobs/${jobId}/cancel`);
    expect(running).toMatchObject({ status: 200, body: { status: 'canceling', canceledBy: expect.any(String) } });
    const [message] = gateway.bus.published;
    expect(message).toMatchObject({ queue: 'cmd.run.cancel', key: flowId, id: `cancel/${jobId}` });
    expect(runCancel.decode(message!.body)).toMatchObject({ flowId, jobId });

    expect((await call('PUT', `/v1/jobs/${queued.body._jobId}/cancel`)).body).toMatchObject({ status: 'canceled' });
  });

  it('of single steps cannot be canceled', async () => {
    const { jobId } = await startedRun();
    const { body } = await call<{ children: Doc[] }>('GET', `/v1/jobs/${jobId}`);
    const refused = await call('PUT', `/v1/jobs/${String(body.children[0]!['_id'])}/cancel`);
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ code: 'not_allowed' }] } });
  });

  it('of a flow are canceled together', async () => {
    const { jobId, flowId } = await startedRun();
    await call('POST', `/v1/flows/${flowId}/run`);
    expect(await call('POST', `/v1/flows/${flowId}/jobs/cancel`)).toMatchObject({ status: 204, body: undefined });
    const listed = await call<Doc[]>('GET', `/v1/jobs?type=flow&_flowId=${flowId}`);
    expect(listed.body.map((job) => job['status'])).toEqual(['canceled', 'canceling']);
    expect((await call('GET', `/v1/jobs/${jobId}`)).body).toMatchObject({ status: 'canceling' });
  });

  it('are found as the latest of their flow', async () => {
    const { jobId, flowId } = await startedRun();
    const latest = await call<Doc[]>('GET', `/v1/flows/${flowId}/jobs/latest`);
    expect(latest.body).toMatchObject([{ _id: jobId, children: [{ oIndex: 0 }, { oIndex: 1 }] }]);
    const { flowId: other } = await makeFlow(gateway.alice);
    expect((await call('GET', `/v1/flows/${other}/jobs/latest`)).status).toBe(204);
  });
});

describe('GET /jobs/:id/events', () => {
  const open = (jobId: string, headers: Record<string, string> = {}) =>
    fetch(`${address}/v1/jobs/${jobId}/events`, {
      headers: { authorization: `Bearer ${gateway.alice.token}`, ...headers },
      signal: AbortSignal.timeout(20_000),
    });
  async function* eventsOf(response: Response): AsyncGenerator<{ event: string; job: Doc }> {
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [first = '', second = ''] = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        if (first.startsWith('event: ')) yield { event: first.slice(7), job: JSON.parse(second.slice(6)) as Doc };
      }
    }
  }

  it('sends the job at once, on change, and last with its final status (decision 10)', async () => {
    const { jobId, flowId } = await startedRun();
    const response = await open(jobId, { 'last-event-id': '7', 'x-request-id': 'watch-1' });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-request-id')).toBe('watch-1');
    const seen: unknown[] = [];
    for await (const { event, job } of eventsOf(response)) {
      expect(event).toBe('job');
      expect(job['children']).toHaveLength(2);
      seen.push(job['status']);
      if (job['status'] === 'running') await call('PUT', `/v1/jobs/${jobId}/cancel`);
      if (job['status'] === 'canceling') await finish(jobId, flowId);
    }
    expect(seen).toEqual(['running', 'canceling', 'canceled']);
  });

  it('ends at once for a job that is final', async () => {
    const { flowId } = await makeFlow(gateway.alice);
    const run = await call<{ _jobId: string }>('POST', `/v1/flows/${flowId}/run`);
    await call('PUT', `/v1/jobs/${run.body._jobId}/cancel`);
    const seen: unknown[] = [];
    for await (const { job } of eventsOf(await open(run.body._jobId))) seen.push(job['status']);
    expect(seen).toEqual(['canceled']);
  });

  it('ends for a job that becomes final, without a signal', async () => {
    const { flowId } = await makeFlow(gateway.alice);
    const run = await call<{ _jobId: string }>('POST', `/v1/flows/${flowId}/run`);
    const seen: unknown[] = [];
    for await (const { job } of eventsOf(await open(run.body._jobId))) {
      seen.push(job['status']);
      if (seen.length === 1) await gateway.store.jobs.refuse(run.body._jobId, { code: 'invalid_flow', message: 'm' });
    }
    expect(seen).toEqual(['queued', 'failed']);
  });

  it('answers 404 and 401 as everything else', async () => {
    expect((await open('f'.repeat(24))).status).toBe(404);
    expect((await fetch(`${address}/v1/jobs/${'f'.repeat(24)}/events`)).status).toBe(401);
  });
});
