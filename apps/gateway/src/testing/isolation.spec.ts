import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { operations } from '../openapi/operations.js';
import { documents, type GatewayUnderTest, makeFlow, startGateway } from './gateway-under-test.js';

/** Every call that names a resource, tried with another account's ids. Nobody can tell that they exist (P7). */
describe('another account’s resources', () => {
  let gateway: GatewayUnderTest;
  let ids: Readonly<Record<string, string>>;
  let steps: { exportId: string; importId: string };

  beforeAll(async () => {
    gateway = await startGateway();
    const { alice } = gateway;
    const made = await makeFlow(alice);
    steps = made;
    const run = await alice.call<{ _jobId: string }>('POST', `/v1/flows/${made.flowId}/run`);
    ids = {
      flows: made.flowId,
      connections: made.connectionId,
      exports: made.exportId,
      imports: made.importId,
      jobs: run.body._jobId,
      integrations: await alice.make('integrations', { name: 'I' }),
      scripts: await alice.make('scripts', { name: 'S' }),
      stacks: await alice.make('stacks', documents.stack),
      accesstokens: await alice.make('accesstokens', { name: 'T', fullAccess: true, revoked: true }),
    };
  });
  afterAll(() => gateway.close());

  const bodies: Readonly<Record<string, unknown>> = {
    connections: documents.connection,
    exports: { name: 'E' },
    imports: { name: 'I' },
  };

  it.each(operations.filter(({ path }) => path.includes('{id}')))('$method $path is 404', async (operation) => {
    const type = /^\/v1\/(\w+)/.exec(operation.path)![1]!;
    const url = operation.path
      .replace('{id}', ids[type]!)
      .replace('imports/{stepId}', `imports/${steps.importId}`)
      .replace('{stepId}', steps.exportId)
      .replace('{connectionId}', ids['connections']!)
      .replaceAll(/\{\w+\}/g, 'key');
    const body =
      operation.method === 'put' ? (bodies[type] ?? { name: 'B' }) : operation.method === 'patch' ? [] : undefined;
    const method = operation.method.toUpperCase() as 'GET';
    const answer = await gateway.bob.call(method, url, type === 'jobs' ? undefined : body);
    expect(answer).toMatchObject({ status: 404, body: { errors: [{ code: 'resource_not_found' }] } });
  });

  it('appear in no list', async () => {
    const lists = operations.filter(
      ({ method, path }) => method === 'get' && /^\/v1\/\w+$/.test(path) && !/(?:tokenInfo|state)$/.test(path),
    );
    expect(lists.length).toBe(9);
    for (const { path } of lists) {
      const answer = await gateway.bob.call('GET', path);
      expect({ path, status: answer.status }).toEqual({ path, status: 204 });
    }
    expect((await gateway.bob.call('GET', `/v1/jobs?_flowId=${ids['flows']}`)).status).toBe(204);
  });

  it('cannot be pinged by their id in an unsaved document', async () => {
    const body = { ...documents.connection, _id: ids['connections'] };
    expect((await gateway.bob.call('POST', '/v1/connections/ping', body)).status).toBe(404);
  });

  it('are untouched afterwards', async () => {
    for (const [type, id] of Object.entries(ids)) {
      expect({ type, status: (await gateway.alice.call('GET', `/v1/${type}/${id}`)).status }).toEqual({
        type,
        status: 200,
      });
    }
    expect((await gateway.alice.call('GET', `/v1/jobs/${ids['jobs']}`)).body).toMatchObject({ status: 'queued' });
  });
});
