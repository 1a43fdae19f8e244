import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { signals } from '#contracts';
import { documents, type GatewayUnderTest, makeFlow, startGateway } from '../testing/gateway-under-test.js';

const start = Date.parse('2026-06-01T00:00:00.000Z');
let nowMs = start;
let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway({}, () => nowMs);
});
afterAll(() => gateway.close());

const make = async (body: object) => {
  const made = await gateway.alice.call<{ _id: string; token: string }>('POST', '/v1/accesstokens', {
    name: 'T',
    ...body,
  });
  expect(made.status).toBe(201);
  return { id: made.body._id, client: gateway.alice.as(made.body.token), token: made.body.token };
};

it('are shown once and kept as a hash', async () => {
  const { id, client, token } = await make({ fullAccess: true });
  expect((await client.call('GET', '/v1/tokenInfo')).body).toMatchObject({ scope: '*' });
  expect((await gateway.alice.call('GET', `/v1/accesstokens/${id}`)).body).toMatchObject({ token: '******' });
  const list = await gateway.alice.call('GET', '/v1/accesstokens');
  const stored = await gateway.store.documents.get(gateway.alice.accountId, 'accesstokens', id);
  expect(JSON.stringify([list.body, stored])).not.toContain(token);
});

it('stop working the moment they are revoked, and must be revoked to be deleted', async () => {
  const { id, client } = await make({ fullAccess: true });
  expect((await client.call('GET', '/v1/tokenInfo')).status).toBe(200);
  expect((await gateway.alice.call('DELETE', `/v1/accesstokens/${id}`)).status).toBe(422);
  await gateway.alice.call('PUT', `/v1/accesstokens/${id}`, { name: 'T', fullAccess: true, revoked: true });
  expect((await client.call('GET', '/v1/tokenInfo')).status).toBe(401);
  expect((await gateway.alice.call('DELETE', `/v1/accesstokens/${id}`)).status).toBe(204);
  expect((await client.call('GET', '/v1/tokenInfo')).status).toBe(401);
});

it('are forgotten when another process changes them', async () => {
  const { id, client } = await make({ fullAccess: true });
  await client.call('GET', '/v1/tokenInfo');
  await gateway.store.accounts.updateToken(gateway.alice.accountId, id, { revoked: true });
  expect((await client.call('GET', '/v1/tokenInfo')).status).toBe(200);
  gateway.bus.signal(signals.resourceChanged, `${gateway.alice.accountId} accesstokens ${id}`);
  expect((await client.call('GET', '/v1/tokenInfo')).status).toBe(401);
});

it('expire', async () => {
  const { client } = await make({ fullAccess: true, autoPurgeAt: new Date(start + 60_000).toISOString() });
  expect((await client.call('GET', '/v1/tokenInfo')).status).toBe(200);
  nowMs = start + 60_001;
  expect((await client.call('GET', '/v1/tokenInfo')).status).toBe(401);
});

it('with scopes reach what they name and nothing else', async () => {
  const { connectionId, exportId, importId, flowId } = await makeFlow(gateway.alice);
  const other = await gateway.alice.make('connections', documents.connection);
  const { client } = await make({ _connectionIds: [connectionId], _exportIds: [exportId] });

  expect((await client.call('GET', '/v1/tokenInfo')).body).toEqual({ _userId: expect.any(String) });
  const statuses = async (...calls: [Parameters<typeof client.call>[0], string][]) =>
    Promise.all(calls.map(async ([method, url]) => (await client.call(method, url, {})).status));
  expect(
    await statuses(
      ['GET', `/v1/connections/${connectionId}`],
      ['POST', `/v1/connections/${connectionId}/ping`],
      ['GET', `/v1/exports/${exportId}`],
    ),
  ).toEqual([200, 200, 200]);
  const refused: [Parameters<typeof client.call>[0], string][] = [
    ['GET', `/v1/connections/${other}`],
    ['GET', `/v1/imports/${importId}`],
    ['GET', '/v1/connections'],
    ['PUT', `/v1/exports/${exportId}`],
    ['DELETE', `/v1/exports/${exportId}`],
    ['POST', `/v1/flows/${flowId}/run`],
    ['GET', `/v1/flows/${flowId}/${exportId}/errors`],
    ['POST', '/v1/accesstokens'],
    ['POST', '/v1/connections/ping'],
    ['GET', '/v1/jobs'],
  ];
  expect(await statuses(...refused)).toEqual(refused.map(() => 403));
});
