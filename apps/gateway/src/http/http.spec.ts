import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createToken } from '#security';
import { type GatewayUnderTest, startGateway } from '../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway({ bodyLimitBytes: 100_000 });
});
afterAll(() => gateway.close());

const envelope = (code: string) => ({ errors: [expect.objectContaining({ code, message: expect.any(String) })] });

describe('authentication', () => {
  const ask = (headers: Record<string, string>) => gateway.app.inject({ url: '/v1/tokenInfo', headers });

  it('tells who the token is and what it may do', async () => {
    const { status, body } = await gateway.alice.call('GET', '/v1/tokenInfo');
    expect({ status, body }).toEqual({ status: 200, body: { _userId: expect.any(String), scope: '*' } });
  });

  it.each<[string, () => Record<string, string>, number, string]>([
    ['no header', () => ({}), 401, 'unauthorized'],
    ['another scheme', () => ({ authorization: 'Basic abc' }), 401, 'unauthorized'],
    ['no token', () => ({ authorization: 'Bearer ' }), 401, 'unauthorized'],
    ['an unknown token', () => ({ authorization: `Bearer ${createToken()}` }), 401, 'unauthorized'],
    [
      'a doubled scheme',
      () => ({ authorization: `Bearer Bearer ${gateway.alice.token}` }),
      400,
      'bearer_authentication_failed',
    ],
    [
      'an account that is not shared',
      () => ({ authorization: `Bearer ${gateway.alice.token}`, 'integrator-ashareid': '0'.repeat(24) }),
      403,
      'access_restricted',
    ],
  ])('refuses %s', async (_, headers, status, code) => {
    const response = await ask(headers());
    expect(response.statusCode).toBe(status);
    const body: unknown = response.json();
    expect(body).toMatchObject(envelope(code));
    // decision 29: 401 and 403 carry both members
    if (status !== 400) expect(body).toHaveProperty('message');
  });

  it('selects the account that Integrator-AShareId names', async () => {
    const { body } = await gateway.alice.call('GET', '/v1/tokenInfo');
    const [share] = await gateway.store.accounts.sharesOf(String(body['_userId']));
    const headers = { 'integrator-ashareid': share!.ashareId };
    expect((await gateway.alice.call('GET', '/v1/flows', undefined, headers)).status).toBe(204);
  });

  it.each(['//v1/flows', '/%76%31/flows', '/v1//flows', '/V1/flows', '/v1/./flows'])(
    'serves nothing at %s without a token',
    async (url) => {
      const response = await gateway.app.inject({ url });
      expect([401, 404]).toContain(response.statusCode);
    },
  );
});

describe('requests', () => {
  it('get their id back, or one of ours', async () => {
    const own = await gateway.alice.call('GET', '/v1/tokenInfo', undefined, { 'x-request-id': 'abc-1.2_3' });
    expect(own.headers['x-request-id']).toBe('abc-1.2_3');
    const hostile = await gateway.alice.call('GET', '/v1/tokenInfo', undefined, { 'x-request-id': 'a b"<script>' });
    expect(hostile.headers['x-request-id']).toMatch(/^[0-9a-f]{24}$/);
    const refused = await gateway.app.inject({ url: '/v1/flows', headers: { 'x-request-id': 'r1' } });
    expect([refused.statusCode, refused.headers['x-request-id']]).toEqual([401, 'r1']);
  });

  it.each<[string, string, string, number, string]>([
    ['half a JSON', 'application/json', '{"name":', 400, 'invalid_json'],
    ['a form', 'application/x-www-form-urlencoded', 'name=A', 415, 'unsupported_media_type'],
    ['text', 'text/plain', 'hello', 415, 'unsupported_media_type'],
    ['__proto__', 'application/json', '{"name":"A","settings":{"__proto__":{"x":1}}}', 400, 'invalid_json'],
    ['deep nesting', 'application/json', '['.repeat(50_000) + ']'.repeat(50_000 - 1) + ']', 400, 'invalid_json'],
    ['too much', 'application/json', JSON.stringify({ name: 'x'.repeat(100_000) }), 413, 'body_too_large'],
    ['an array', 'application/json', '[]', 422, 'invalid_request'],
    ['nothing', 'application/json', '', 422, 'invalid_request'],
  ])('with %s are refused', async (_, type, payload, status, code) => {
    const response = await gateway.app.inject({
      method: 'POST',
      url: '/v1/integrations',
      headers: { authorization: `Bearer ${gateway.alice.token}`, 'content-type': type },
      payload,
    });
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject(envelope(code));
  });

  it('may spell JSON with a charset', async () => {
    const { status } = await gateway.alice.call(
      'POST',
      '/v1/integrations',
      { name: 'A' },
      {
        'content-type': 'application/json; charset=utf-8',
      },
    );
    expect(status).toBe(201);
  });

  it.each(['/v1/nonsense', '/nonsense', '/v1/flows/x/y/z/w'])('to the unknown route %s are 404', async (url) => {
    const { status, body } = await gateway.alice.call('GET', url);
    expect({ status, body }).toEqual({ status: 404, body: envelope('resource_not_found') });
  });
});

describe('health', () => {
  it('is live, and ready while store and bus are', async () => {
    expect((await gateway.app.inject({ url: '/livez' })).json()).toEqual({ status: 'ok' });
    expect((await gateway.app.inject({ url: '/readyz' })).statusCode).toBe(200);
    gateway.bus.isDown = true;
    const down = await gateway.app.inject({ url: '/readyz' });
    gateway.bus.isDown = false;
    expect([down.statusCode, down.json()]).toEqual([503, { status: 'not_ready', checks: { store: true, bus: false } }]);
  });
});

describe('documentation', () => {
  it.each([
    ['/docs', 'text/html; charset=utf-8'],
    ['/docs/start.js', 'text/javascript; charset=utf-8'],
    ['/docs/swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
    ['/docs/swagger-ui.css', 'text/css; charset=utf-8'],
    ['/openapi.json', 'application/json; charset=utf-8'],
  ])('%s is served without a token', async (url, type) => {
    const response = await gateway.app.inject({ url });
    expect([response.statusCode, response.headers['content-type']]).toEqual([200, type]);
    expect(response.body.length).toBeGreaterThan(100);
  });

  it.each(['/docs/package.json', '/docs/..%2fpackage.json', '/docs/__proto__', '/docs/index.html'])(
    '%s is not',
    async (url) => expect((await gateway.app.inject({ url })).statusCode).toBe(404),
  );
});
