import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { documents, type GatewayUnderTest, makeFlow, startGateway } from '../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const unknownId = 'f'.repeat(24);
const integration = () => gateway.alice.make('integrations', { name: 'I' });
const registered = async (id: string) =>
  (await gateway.alice.call('GET', `/v1/integrations/${id}`)).body['_registeredConnectionIds'] ?? [];

describe('connections of an integration', () => {
  it('are registered, listed and unregistered', async () => {
    const id = await integration();
    const connectionId = await gateway.alice.make('connections', documents.connection);
    const base = `/v1/integrations/${id}/connections`;
    expect((await gateway.alice.call('GET', base)).status).toBe(204);
    expect((await gateway.alice.call('PUT', `${base}/register`, [connectionId])).status).toBe(204);
    expect((await gateway.alice.call('GET', base)).body).toMatchObject([{ _id: connectionId }]);
    await gateway.alice.call('PUT', `/v1/integrations/${id}`, { name: 'J', _registeredConnectionIds: [] });
    expect(await registered(id)).toEqual([connectionId]);
    expect((await gateway.alice.call('DELETE', `${base}/${connectionId}/register`)).status).toBe(204);
    expect(await registered(id)).toEqual([]);
  });

  it('must exist', async () => {
    const refused = await gateway.alice.call('PUT', `/v1/integrations/${await integration()}/connections/register`, [
      unknownId,
    ]);
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ code: 'invalid_ref', field: '[0]' }] } });
  });

  it('come with the flows that use them', async () => {
    const id = await integration();
    const { connectionId } = await makeFlow(gateway.alice, { _integrationId: id });
    expect(await registered(id)).toEqual([connectionId]);
  });

  it('may be named when a connection is created', async () => {
    const id = await integration();
    const made = await gateway.alice.call('POST', '/v1/connections', {
      ...documents.connection,
      __integrationIds: [id],
    });
    expect(made.status).toBe(201);
    expect(made.body).not.toHaveProperty('__integrationIds');
    expect(await registered(id)).toEqual([made.body['_id']]);
  });

  it.each<[string, () => unknown, number, string, string | undefined]>([
    ['no array', () => 'abc', 422, 'invalid_request', '__integrationIds'],
    ['repeats', () => [unknownId, unknownId], 422, 'invalid_request', '__integrationIds'],
    ['a malformed id', () => [unknownId, 'abc'], 422, 'invalid_ref', '__integrationIds[1]'],
    ['an unknown one', () => [unknownId], 404, 'resource_not_found', undefined],
    [
      'too many',
      () => Array.from({ length: 101 }, (_, i) => String(i)),
      400,
      'batch_size_exceeded',
      '__integrationIds',
    ],
  ])('are refused for %s, before anything is saved', async (_, ids, status, code, field) => {
    const name = `unsaved ${code} ${field}`;
    const { body, ...answer } = await gateway.alice.call<{ errors: object[] }>('POST', '/v1/connections', {
      ...documents.connection,
      name,
      __integrationIds: ids(),
    });
    expect(answer.status).toBe(status);
    expect(body.errors).toEqual([expect.objectContaining({ code, ...(field ? { field } : {}) })]);
    expect((await gateway.alice.call('GET', `/v1/connections?name=${encodeURIComponent(name)}`)).status).toBe(204);
  });
});

describe('concurrency of a connection', () => {
  const put = async (http: object, more: object = {}) => {
    const made = { ...documents.connection, http: { ...documents.connection.http, concurrencyLevel: 10 } };
    const id = await gateway.alice.make('connections', made);
    const sent = { ...documents.connection, ...more, http: { ...documents.connection.http, ...http } };
    return (await gateway.alice.call('PUT', `/v1/connections/${id}`, sent)).body['http'];
  };

  it.each<[string, object, object, object]>([
    ['is the platform’s while errors recover by themselves', { concurrencyLevel: 3 }, {}, { concurrencyLevel: 10 }],
    ['follows its target', { targetConcurrencyLevel: 7 }, {}, { concurrencyLevel: 7, targetConcurrencyLevel: 7 }],
    [
      'is the client’s otherwise',
      { concurrencyLevel: 3 },
      { autoRecoverRateLimitErrors: false },
      { concurrencyLevel: 3 },
    ],
  ])('%s', async (_, http, more, expected) => expect(await put(http, more)).toMatchObject(expected));

  it('has no target while errors do not recover by themselves', async () => {
    const http = await put({ targetConcurrencyLevel: 7 }, { autoRecoverRateLimitErrors: false });
    expect(http).not.toHaveProperty('targetConcurrencyLevel');
  });
});
