import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { documents, type GatewayUnderTest, startGateway } from '../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const tokenOf = async (id: string) =>
  (await gateway.alice.call<{ systemToken: string }>('GET', `/v1/stacks/${id}/systemToken`)).body.systemToken;

describe('stacks (resources §8)', () => {
  it('have a token of their own, shown by its own route only', async () => {
    const [one, other] = [
      await gateway.alice.make('stacks', documents.stack),
      await gateway.alice.make('stacks', documents.stack),
    ];
    const token = await tokenOf(one);
    expect(token).toMatch(/^stack_[\w-]{40,}$/);
    expect(await tokenOf(other)).not.toBe(token);
    const { body } = await gateway.alice.call('GET', `/v1/stacks/${one}`);
    expect(JSON.stringify(body)).not.toContain('systemToken');
  });

  it('keep their token over a replacement, and lose it when it is recycled', async () => {
    const id = await gateway.alice.make('stacks', documents.stack);
    const token = await tokenOf(id);
    await gateway.alice.call('PUT', `/v1/stacks/${id}`, { ...documents.stack, name: 'Renamed' });
    expect(await tokenOf(id)).toBe(token);
    expect((await gateway.alice.call('DELETE', `/v1/stacks/${id}/systemToken`)).status).toBe(204);
    expect(await tokenOf(id)).not.toBe(token);
  });

  it('are hidden from other accounts, their tokens too', async () => {
    const id = await gateway.alice.make('stacks', documents.stack);
    expect((await gateway.bob.call('GET', `/v1/stacks/${id}/systemToken`)).status).toBe(404);
    expect((await gateway.bob.call('DELETE', `/v1/stacks/${id}/systemToken`)).status).toBe(404);
  });

  it('mask the secret key of a Lambda stack', async () => {
    const lambda = { accessKeyId: 'AK', secretAccessKey: 's3cret', awsRegion: 'eu-west-1', functionName: 'f' };
    const made = await gateway.alice.call<{ lambda: object }>('POST', '/v1/stacks', {
      name: 'L',
      type: 'lambda',
      lambda,
    });
    expect(made.body.lambda).toEqual({ ...lambda, secretAccessKey: '******' });
  });

  it.each<[string, object, string]>([
    ['a server without address', { name: 'S', type: 'server' }, 'server.hostURI'],
    ['an address that is none', { name: 'S', type: 'server', server: { hostURI: 'ftp://x' } }, 'server.hostURI'],
    [
      'credentials in the address',
      { name: 'S', type: 'server', server: { hostURI: 'https://a:b@x' } },
      'server.hostURI',
    ],
    [
      'a Lambda stack without function',
      { name: 'L', type: 'lambda', lambda: { accessKeyId: 'A' } },
      'lambda.functionName',
    ],
  ])('refuse %s', async (_, body, field) => {
    const refused = await gateway.alice.call<{ errors: { field: string }[] }>('POST', '/v1/stacks', body);
    expect(refused.status).toBe(422);
    expect(refused.body.errors.map((error) => error.field)).toContain(field);
  });
});

describe('wrapper connections and steps (resources §4.5, §5.4, §6.5)', () => {
  it('mask what is encrypted, and infer the adaptor of their steps', async () => {
    const _stackId = await gateway.alice.make('stacks', documents.stack);
    const connection = await gateway.alice.call<{ _id: string; wrapper: object }>('POST', '/v1/connections', {
      name: 'Own',
      type: 'wrapper',
      wrapper: { pingFunction: 'ping', _stackId, encrypted: { key: 'k' }, unencrypted: { region: 'eu' } },
    });
    expect(connection.body.wrapper).toMatchObject({ encrypted: '******', unencrypted: { region: 'eu' } });
    const step = {
      name: 'E',
      _connectionId: connection.body._id,
      wrapper: { function: 'read', configuration: { a: 1 } },
    };
    const made = await gateway.alice.call('POST', '/v1/exports', step);
    expect(made.body).toMatchObject({ ...step, adaptorType: 'WrapperExport' });
  });

  it('refuse a stack that does not exist', async () => {
    const wrapper = { pingFunction: 'ping', _stackId: 'f'.repeat(24) };
    const refused = await gateway.alice.call<{ errors: object[] }>('POST', '/v1/connections', {
      name: 'Own',
      type: 'wrapper',
      wrapper,
    });
    expect(refused.body.errors).toMatchObject([{ code: 'invalid_ref', field: 'wrapper._stackId' }]);
  });
});
