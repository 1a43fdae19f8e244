import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeTryOutTask, encodeTryOutReply, type TryOutTaskOf } from '#contracts';
import type { JsonRecord } from '#model';
import { documents, type GatewayUnderTest, startGateway } from '../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
let preSave: object;
/** Stands for an executor that calls the function. */
let revise: (options: { newResource: JsonRecord; oldResource?: JsonRecord }) => JsonRecord;
let asked: TryOutTaskOf<'script'>[];
const sentBytes: Buffer[] = [];

beforeAll(async () => {
  gateway = await startGateway();
  const _scriptId = await gateway.alice.make('scripts', { name: 'Checks', content: 'function check() {}' });
  preSave = { preSave: { _scriptId, function: 'check' } };
});
beforeEach(() => {
  asked = [];
  sentBytes.splice(0);
  revise = ({ newResource }) => newResource;
  gateway.bus.responder = async (payload) => {
    sentBytes.push(Buffer.from(payload));
    const task = decodeTryOutTask(payload) as TryOutTaskOf<'script'>;
    asked.push(task);
    const value = revise(task.options as unknown as Parameters<typeof revise>[0]);
    return encodeTryOutReply({ v: 1, kind: 'script', value, logs: [] });
  };
});
afterAll(() => gateway.close());

const connection = (token: string | undefined, more: object = {}) => ({
  ...documents.connection,
  ...preSave,
  http: {
    ...documents.connection.http,
    auth: { type: 'token', token: { location: 'header', ...(token === undefined ? {} : { token }) } },
    ...more,
  },
});
type Token = { http: { auth: { token: { token?: string } } } };
const sealedToken = async (id: string): Promise<string | undefined> => {
  const stored = await gateway.store.documents.get(gateway.alice.accountId, 'connections', id);
  return (stored as unknown as Token | null)?.http.auth.token.token;
};

describe('secrets and preSave (resources §1.7)', () => {
  it('travel to no executor', async () => {
    await gateway.alice.make('connections', connection('t0ps3cret', { encrypted: { apiKey: 'k3y-of-old' } }));
    expect(asked).toMatchObject([
      {
        content: 'function check() {}',
        function: 'check',
        options: { newResource: { http: { auth: { token: { token: '******' } }, encrypted: '******' } } },
      },
    ]);
    expect(sentBytes.some((bytes) => bytes.includes('t0ps3cret') || bytes.includes('k3y-of-old'))).toBe(false);
  });

  it.each<[string, string | undefined, typeof revise, 'new' | 'kept' | 'none']>([
    ['sent anew and left alone', 'new', ({ newResource }) => newResource, 'new'],
    ['sent masked', '******', ({ newResource }) => newResource, 'kept'],
    ['not sent, but taken over from the old resource', undefined, ({ oldResource }) => oldResource!, 'kept'],
    ['not sent', undefined, ({ newResource }) => newResource, 'none'],
    ['set by the function', 'new', () => connection('of the function'), 'new'],
  ])('%s', async (_, token, change, expected) => {
    const id = await gateway.alice.make('connections', connection('first'));
    const before = await sealedToken(id);
    revise = change;
    const { status, body } = await gateway.alice.call('PUT', `/v1/connections/${id}`, connection(token));
    expect(status).toBe(200);
    expect(JSON.stringify(body)).not.toMatch(/first|new"|of the function/);
    const after = await sealedToken(id);
    if (expected === 'kept') expect(after).toBe(before);
    else if (expected === 'none') expect(after).toBeUndefined();
    else expect([after === before, after?.startsWith('mr1:')]).toEqual([false, true]);
  });

  it('masked by the function where none was ever sent are not stored', async () => {
    revise = () => connection('******');
    const id = await gateway.alice.make('connections', connection(undefined));
    expect(await sealedToken(id)).toBeUndefined();
  });
});

describe('without an executor', () => {
  it('nothing that names a function can be stored, everything else can', async () => {
    gateway.bus.responder = null;
    const { status, body } = await gateway.alice.call('POST', '/v1/flows', { name: 'F', ...preSave });
    expect({ status, body }).toMatchObject({ status: 503, body: { errors: [{ code: 'no_executor' }] } });
    await gateway.alice.make('flows', { name: 'F' });
  });
});

describe('another account’s script', () => {
  it('is not called', async () => {
    const { status, body } = await gateway.bob.call('POST', '/v1/flows', { name: 'F', ...preSave });
    expect({ status, body }).toMatchObject({ status: 422, body: { errors: [{ code: 'invalid_ref' }] } });
    expect(asked).toEqual([]);
  });
});
