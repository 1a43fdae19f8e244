import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Connection } from '#model';
import type { ReceivedRequest } from '#testing/fake-app';
import { HttpTestBed, ids } from '../testing/http-test-bed.js';

type Auth = NonNullable<NonNullable<Connection['http']>['auth']>;

let bed: HttpTestBed;
beforeEach(async () => {
  bed = await HttpTestBed.start();
});
afterEach(() => bed.stop());

describe('credentials of a request', () => {
  it.each<[string, Auth, (request: ReceivedRequest) => unknown, unknown]>([
    [
      'basic',
      { type: 'basic', basic: { username: 'ü', password: 'p:w' } },
      (r) => r.headers.authorization,
      `Basic ${Buffer.from('ü:p:w').toString('base64')}`,
    ],
    [
      'basic without a password',
      { type: 'basic', basic: { username: 'u' } },
      (r) => r.headers.authorization,
      `Basic ${btoa('u:')}`,
    ],
    ['token', { type: 'token', token: { token: 'tok' } }, (r) => r.headers.authorization, 'Bearer tok'],
    [
      'token with its own header and scheme',
      { type: 'token', token: { token: 'tok', headerName: 'X-Auth', scheme: 'Token' } },
      (r) => r.headers['x-auth'],
      'Token tok',
    ],
    [
      'token with an empty scheme',
      { type: 'token', token: { token: 'tok', headerName: 'X-Auth', scheme: '' } },
      (r) => r.headers['x-auth'],
      'tok',
    ],
    [
      'token in the URL',
      { type: 'token', token: { token: 't&k', location: 'url', paramName: 'key' } },
      (r) => r.query.get('key'),
      't&k',
    ],
    [
      'token in a JSON body',
      { type: 'token', token: { token: 'tok', location: 'body', paramName: 'key' } },
      (r) => r.json,
      { key: 'tok', id: 1 },
    ],
  ])('%s', async (_what, auth, read, expected) => {
    bed.app.answer({ body: {} });
    await bed.reconnect({ auth }).submit({ method: ['POST'], relativeURI: ['/r'] }, ids(1, 1));
    expect(read(bed.app.requests[0]!)).toEqual(expected);
  });

  it('a token in the URL is added to every request of a constant address, once', async () => {
    bed.app.answer({ body: {} });
    const auth: Auth = { type: 'token', token: { token: 'tok', location: 'url', paramName: 'key' } };
    await bed.reconnect({ auth }).submit({ method: ['POST'], relativeURI: ['/r'] }, ids(1, 3));
    expect(bed.app.requests.map(({ query }) => query.toString())).toEqual(['key=tok', 'key=tok', 'key=tok']);
  });

  it.each(['wsse', 'cookie', 'digest', 'oauth1', 'jwtbearer', 'awsiam'] as const)(
    '%s is refused by name',
    async (type) => {
      expect((await bed.reconnect({ auth: { type } }).read({})).failure).toMatchObject({ code: 'not_supported' });
    },
  );
});

describe('OAuth', () => {
  const oauth = (
    more: Partial<NonNullable<Auth['oauth']>>,
    token?: Auth['token'],
  ): Partial<NonNullable<Connection['http']>> => ({
    auth: {
      type: 'oauth',
      oauth: { tokenURI: `${bed.app.url}/token`, clientId: 'my id', clientSecret: 's&cret', ...more },
      token,
    },
  });
  /** Accepts the last token it gave. */
  const serve = (tokens: object[]): void => {
    let given = 0;
    let accepted = '';
    bed.app.answer((request) => {
      if (request.path === '/token') {
        const token = tokens[Math.min(given++, tokens.length - 1)] as { access_token?: string };
        accepted = token.access_token ?? '';
        return { body: token };
      }
      return request.headers.authorization === `Bearer ${accepted}` ? { body: ids(1, 1) } : { status: 401 };
    });
  };
  const tokenRequests = (): ReceivedRequest[] => bed.app.requests.filter(({ path }) => path === '/token');

  it.each<[string, Partial<NonNullable<Auth['oauth']>>, Record<string, string>, string | undefined]>([
    [
      'client credentials, in a header',
      { grantType: 'clientcredentials', scope: ['a', 'b'] },
      { grant_type: 'client_credentials', scope: 'a b' },
      `Basic ${btoa('my+id:s%26cret')}`,
    ],
    [
      'client credentials, in the body',
      { grantType: 'clientcredentials', clientCredentialsLocation: 'body', scope: ['a', 'b'], scopeDelimiter: ',' },
      { grant_type: 'client_credentials', scope: 'a,b', client_id: 'my id', client_secret: 's&cret' },
      undefined,
    ],
    [
      'password',
      { grantType: 'password', username: 'u', password: 'p' },
      { grant_type: 'password', username: 'u', password: 'p' },
      `Basic ${btoa('my+id:s%26cret')}`,
    ],
    [
      'more body and headers',
      {
        grantType: 'clientcredentials',
        accessTokenBody: 'audience=x',
        accessTokenHeaders: [{ name: 'X-T', value: '1' }],
      },
      { grant_type: 'client_credentials', audience: 'x' },
      `Basic ${btoa('my+id:s%26cret')}`,
    ],
  ])('%s', async (_what, settings, form, authorization) => {
    serve([{ access_token: 'one', expires_in: 3600 }]);
    expect((await bed.reconnect(oauth(settings)).read({})).records).toEqual(ids(1, 1));
    expect(Object.fromEntries(new URLSearchParams(tokenRequests()[0]!.body))).toEqual(form);
    expect(tokenRequests()[0]!.headers.authorization).toBe(authorization);
  });

  it('a stored token is used first; refused, it is refreshed once and the request repeated', async () => {
    serve([{ access_token: 'two' }]);
    const connection = bed.reconnect(oauth({ grantType: 'authorizecode' }, { token: 'one', refreshToken: 'r1' }));
    expect((await connection.read({})).records).toEqual(ids(1, 1));
    expect(bed.app.requests.map(({ path }) => path)).toEqual(['/', '/token', '/']);
    expect(Object.fromEntries(new URLSearchParams(tokenRequests()[0]!.body))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'r1',
    });
  });

  it('many requests that find a token stale cause one refresh', async () => {
    serve([{ access_token: 'two' }]);
    const connection = bed.reconnect(oauth({ grantType: 'clientcredentials' }, { token: 'one' }));
    const outcomes = await connection.submit({ method: ['POST'], relativeURI: ['/r'] }, ids(1, 20));
    expect(outcomes.every(({ statusCode }) => statusCode === 200)).toBe(true);
    expect(tokenRequests()).toHaveLength(1);
  });

  it('a token about to expire is replaced before it fails', async () => {
    serve([
      { access_token: 'one', expires_in: 60 },
      { access_token: 'two', expires_in: 60 },
    ]);
    const connection = bed.reconnect(oauth({ grantType: 'clientcredentials' }));
    await connection.read({});
    bed.host.clock.jump(31_000);
    await connection.read({});
    expect(bed.app.requests.map(({ path }) => path)).toEqual(['/token', '/', '/token', '/']);
  });

  it('a password grant falls back to the password when the refresh token is dead', async () => {
    bed.app.answer(({ path, body }) => {
      if (path !== '/token') return { body: ids(1, 1) };
      return body.includes('refresh_token')
        ? { status: 400, body: { error: 'invalid_grant' } }
        : { body: { access_token: 'new' } };
    });
    const connection = bed.reconnect(
      oauth({ grantType: 'password', username: 'u', password: 'p' }, { refreshToken: 'dead' }),
    );
    expect((await connection.read({})).records).toEqual(ids(1, 1));
    expect(tokenRequests()).toHaveLength(2);
  });

  it.each<[string, object, object]>([
    [
      'refused',
      { status: 401, body: { error: 'invalid_client' } },
      { code: '401', source: 'connection', classification: 'connection' },
    ],
    ['without a token in it', { body: { hello: 1 } }, { code: 'authentication_failed', source: 'connection' }],
    ['no JSON', { body: '<html>' }, { code: 'authentication_failed', source: 'connection' }],
  ])(
    'an answer to the token request that is %s fails with the connection as source',
    async (_what, answer, failure) => {
      bed.app.answer(answer);
      const connection = bed.reconnect(oauth({ grantType: 'clientcredentials' }));
      expect((await connection.read({})).failure).toMatchObject(failure);
      expect(await connection.submit({ method: ['POST'], relativeURI: ['/r'] }, ids(1, 1))).toMatchObject([
        { statusCode: 403, failures: [failure] },
      ]);
    },
  );

  it('a token that stays refused is asked for once, then the failure stands', async () => {
    bed.app.answer(({ path }) => (path === '/token' ? { body: { access_token: 'useless' } } : { status: 401 }));
    const { failure } = await bed.reconnect(oauth({ grantType: 'clientcredentials' })).read({});
    expect(failure).toMatchObject({ code: '401', source: 'connection' });
    expect(bed.app.requests.map(({ path }) => path)).toEqual(['/token', '/', '/token', '/']);
  });

  it('a connection nobody authorized says so', async () => {
    const { failure } = await bed.reconnect(oauth({ grantType: 'authorizecode' })).read({});
    expect(failure).toMatchObject({ code: 'authentication_failed', source: 'connection' });
  });
});

describe('token refresh of a connection (decision 17)', () => {
  it('asks its own address, reads the token from its path, and shows it to templates', async () => {
    bed.app.answer(({ path, headers }) => {
      if (path === '/v1/login') return { body: { d: { jwt: 'fresh' } } };
      return headers['x-session'] === 'fresh' ? { body: ids(1, 1) } : { status: 440 };
    });
    const connection = bed.reconnect({
      encrypted: { user: 'me', pass: 'w"ord' },
      headers: [{ name: 'X-Session', value: '{{{connection.http.auth.token.token}}}' }],
      auth: {
        type: 'custom',
        failStatusCode: 440,
        token: {
          token: 'stale',
          refreshRelativeURI: '/v1/login',
          refreshMediaType: 'json',
          refreshBody: '{"u":"{{connection.http.encrypted.user}}","p":"{{connection.http.encrypted.pass}}"}',
          refreshTokenPath: 'd.jwt',
        },
      },
    });
    expect((await connection.read({})).records).toEqual(ids(1, 1));
    expect(bed.app.requests.map(({ path }) => path)).toEqual(['/', '/v1/login', '/']);
    expect(bed.app.requests[1]?.json).toEqual({ u: 'me', p: 'w"ord' });
  });

  it('an authentication failure may be told in the body', async () => {
    let fresh = false;
    bed.app.answer(({ path }) => {
      if (path === '/login') {
        fresh = true;
        return { body: { token: 'new' } };
      }
      return { body: fresh ? ids(1, 1) : { error: 'session_expired' } };
    });
    const connection = bed.reconnect({
      auth: {
        type: 'token',
        failPath: 'error',
        failValues: ['session_expired'],
        token: { token: 'old', refreshRelativeURI: '/login' },
      },
    });
    expect((await connection.read({})).records).toEqual(ids(1, 1));
  });
});

describe('ping', () => {
  const ping = async (http: Partial<NonNullable<Connection['http']>> = {}): Promise<unknown> => {
    const { httpAdaptor } = await import('./index.js');
    return httpAdaptor.ping(bed.reconnect(http).connection, bed.host, new AbortController().signal);
  };

  it('sends the configured request', async () => {
    bed.app.answer({ body: { ok: 'yes' } });
    expect(
      await ping({
        ping: { relativeURI: '/me?x=1', method: 'POST', body: '{}', successPath: 'ok', successValues: ['yes'] },
      }),
    ).toEqual({ code: 200 });
    expect(bed.app.requests[0]).toMatchObject({ method: 'POST', path: '/me', body: '{}' });
  });

  it.each<[string, object, Partial<NonNullable<Connection['http']>>, object]>([
    ['401', { status: 401 }, {}, { code: 401, errors: [{ code: '401' }] }],
    ['500', { status: 500 }, { ping: { relativeURI: '/x' } }, { code: 500 }],
    [
      'a success path that does not match',
      { body: { ok: 'no' } },
      { ping: { relativeURI: '/x', successPath: 'ok', successValues: ['yes'] } },
      { code: 422, errors: [{ code: 'response_failure' }] },
    ],
    ['nobody there', {}, { baseURI: 'http://127.0.0.1:1' }, { code: 502, errors: [{ code: 'connection_refused' }] }],
    [
      'a forbidden address',
      {},
      { baseURI: 'http://169.254.169.254' },
      { code: 502, errors: [{ code: 'egress_refused' }] },
    ],
  ])('%s', async (_what, answer, http, result) => {
    bed.app.answer(answer);
    expect(await ping(http)).toMatchObject(result);
  });

  it('without a ping request, any answer that accepts the credentials will do', async () => {
    bed.app.answer({ status: 404 });
    expect(await ping()).toEqual({ code: 200 });
  });

  it('is tried once', async () => {
    bed.app.answer({ status: 503 });
    await ping();
    expect(bed.app.requests).toHaveLength(1);
  });
});
