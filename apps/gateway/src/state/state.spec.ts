import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type GatewayUnderTest, startGateway } from '../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(async () => {
  await gateway.alice.call('DELETE', '/v1/state');
});

const put = (key: string, value: unknown) =>
  gateway.alice.call('PUT', `/v1/state/${key}`, JSON.stringify(value), { 'content-type': 'application/json' });
const keys = async () => (await gateway.alice.call('GET', '/v1/state')).body;

describe('/state (resources §19)', () => {
  it('is created with 201, replaced with 200, read, listed and deleted with 204', async () => {
    const { alice } = gateway;
    expect(await keys()).toEqual({ keys: [] });
    expect(await alice.call('PUT', '/v1/state/cursor', { at: 1 })).toMatchObject({ status: 201, body: { at: 1 } });
    expect(await alice.call('PUT', '/v1/state/cursor', { at: 2 })).toMatchObject({ status: 200, body: { at: 2 } });
    expect(await alice.call('GET', '/v1/state/cursor')).toMatchObject({ status: 200, body: { at: 2 } });
    expect(await keys()).toEqual({ keys: ['cursor'] });
    expect((await alice.call('DELETE', '/v1/state/cursor')).status).toBe(204);
    expect(await alice.call('GET', '/v1/state/cursor')).toMatchObject({
      status: 404,
      body: { errors: [{ code: 'resource_not_found' }] },
    });
    expect((await alice.call('DELETE', '/v1/state/cursor')).status).toBe(204);
  });

  it('DELETE empties it', async () => {
    const { alice } = gateway;
    for (const key of ['a', 'b']) await alice.call('PUT', `/v1/state/${key}`, {});
    expect((await alice.call('DELETE', '/v1/state')).status).toBe(204);
    expect(await keys()).toEqual({ keys: [] });
  });

  it.each([['text'], [5], [false], [null], [[1, { a: null }]]])('keeps any JSON: %j', async (value) => {
    const { alice } = gateway;
    expect((await put('any', value)).status).toBe(201);
    const { body, headers } = await alice.call('GET', '/v1/state/any');
    expect(body).toEqual(value);
    expect(headers['content-type']).toMatch(/json/);
  });

  it.each(['a b/c', '__proto__', 'ü'.repeat(256)])('takes the key %s', async (key) => {
    const { alice } = gateway;
    const path = `/v1/state/${encodeURIComponent(key)}`;
    expect((await alice.call('PUT', path, { v: 1 })).status).toBe(201);
    expect((await alice.call('GET', path)).body).toEqual({ v: 1 });
    expect(await keys()).toEqual({ keys: [key] });
  });

  it('is the state of scripts', async () => {
    const { alice } = gateway;
    await gateway.store.state.put(alice.accountId, 'of a script', [1], 10);
    expect((await alice.call('GET', '/v1/state/of%20a%20script')).body).toEqual([1]);
    await alice.call('PUT', '/v1/state/of%20a%20script', [2]);
    expect(await gateway.store.state.get(alice.accountId, 'of a script')).toEqual([2]);
  });

  it('belongs to its account', async () => {
    const { alice, bob } = gateway;
    await alice.call('PUT', '/v1/state/mine', { a: 1 });
    expect((await bob.call('GET', '/v1/state')).body).toEqual({ keys: [] });
    expect((await bob.call('GET', '/v1/state/mine')).status).toBe(404);
    await bob.call('DELETE', '/v1/state');
    expect(await keys()).toEqual({ keys: ['mine'] });
  });

  it.each<[string, string, unknown, string]>([
    ['no value', 'k', undefined, 'invalid_request'],
    ['a value of more than 256 KB', 'k', 'x'.repeat(262_144), 'max'],
    ['a key of more than 256 characters', 'k'.repeat(257), {}, 'max'],
  ])('refuses %s', async (_, key, value, code) => {
    expect(await put(key, value)).toMatchObject({
      status: 422,
      body: { errors: [{ code }] },
    });
  });

  it('refuses one key too many, and goes on replacing', async () => {
    const { alice } = gateway;
    await Promise.all(
      Array.from({ length: 1_000 }, (_, at) => gateway.store.state.put(alice.accountId, `k${at}`, at, 2_000)),
    );
    expect(await alice.call('PUT', '/v1/state/more', {})).toMatchObject({
      status: 422,
      body: { errors: [{ code: 'not_allowed' }] },
    });
    expect((await alice.call('PUT', '/v1/state/k7', {})).status).toBe(200);
  });
});
