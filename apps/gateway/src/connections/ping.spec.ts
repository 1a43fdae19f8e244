import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { documents, type GatewayUnderTest, startGateway } from '../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const secret = {
  ...documents.connection,
  http: { ...documents.connection.http, auth: { type: 'basic', basic: { username: 'u', password: 'p4ss' } } },
};

describe('ping', () => {
  it.each(['GET', 'POST'] as const)('%s opens the secrets for the tester and nobody else', async (method) => {
    const id = await gateway.alice.make('connections', secret);
    const { status, body } = await gateway.alice.call(method, `/v1/connections/${id}/ping`);
    expect({ status, body }).toEqual({ status: 200, body: { code: 200 } });
    expect(gateway.tester.pinged.at(-1)).toMatchObject({ _id: id, http: { auth: { basic: { password: 'p4ss' } } } });
  });

  it('answers 200 with the code and errors of a failure', async () => {
    const id = await gateway.alice.make('connections', documents.connection);
    gateway.tester.answer = { code: 401, errors: [{ code: '401', message: 'Unauthorized' }] };
    const { status, body } = await gateway.alice.call('POST', `/v1/connections/${id}/ping`);
    gateway.tester.answer = { code: 200 };
    expect({ status, body }).toEqual({
      status: 200,
      body: { code: 401, errors: [{ code: '401', message: 'Unauthorized' }] },
    });
  });

  it('tries an unsaved document, with the stored secrets where they are masked', async () => {
    const id = await gateway.alice.make('connections', secret);
    const { body } = await gateway.alice.call('GET', `/v1/connections/${id}`);
    const changed = { ...body, http: { ...(body['http'] as object), baseURI: 'https://other.example' } };
    expect((await gateway.alice.call('POST', '/v1/connections/ping', changed)).body).toEqual({ code: 200 });
    expect(gateway.tester.pinged.at(-1)).toMatchObject({
      http: { baseURI: 'https://other.example', auth: { basic: { password: 'p4ss' } } },
    });
  });

  it('validates an unsaved document', async () => {
    const { status, body } = await gateway.alice.call('POST', '/v1/connections/ping', { name: 'A', type: 'ftp' });
    expect({ status, body }).toMatchObject({
      status: 422,
      body: { errors: [{ code: 'unsupported_type', field: 'type' }] },
    });
  });
});
