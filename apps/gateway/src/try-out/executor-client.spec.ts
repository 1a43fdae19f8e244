import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  decodeTryOutHeader,
  decodeTryOutTask,
  encodeTryOutReply,
  type TryOutReplyOf,
  type TryOutTask,
} from '#contracts';
import { PlatformError } from '#failures';
import { documents, type GatewayUnderTest, startGateway } from '../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
let connectionId: string;
beforeAll(async () => {
  gateway = await startGateway({ tryOutTimeoutMs: 5_000 });
  connectionId = await gateway.alice.make('connections', {
    ...documents.connection,
    http: { ...documents.connection.http, auth: { type: 'basic', basic: { username: 'u', password: 'p4ss' } } },
  });
});
beforeEach(() => {
  gateway.bus.responder = null;
});
afterAll(() => gateway.close());

const template = { template: 'x', data: {} };
const refusing =
  (why: TryOutReplyOf<'refused'>['why'], code: string = why) =>
  async () =>
    encodeTryOutReply({ v: 1, kind: 'refused', why, reasons: [{ code, message: 'why not' }] });
const failing = (code: string) => () => Promise.reject(new PlatformError(code, 'no answer'));

describe('what the executor cannot do now', () => {
  it.each<[string, typeof gateway.bus.responder, number, string, string | undefined]>([
    ['nobody responds', null, 503, 'no_executor', '5'],
    ['the broker is away', failing('bus_unavailable'), 503, 'no_executor', '5'],
    ['no answer in time', failing('bus_request_timeout'), 504, 'try_out_timeout', '5'],
    ['an executor that ran out of time', refusing('timeout'), 504, 'try_out_timeout', '5'],
    ['an executor that is full', refusing('busy'), 429, 'too_many_try_outs', '1'],
    ['an answer that is too large', refusing('too_large'), 422, 'answer_too_large', undefined],
    ['what cannot be executed', refusing('invalid', 'not_supported'), 422, 'not_supported', undefined],
    ['a defect of the executor', refusing('failed'), 500, 'internal_error', undefined],
    ['a responder that failed', failing('bus_request_failed'), 500, 'internal_error', undefined],
  ])('%s', async (_, responder, status, code, retryAfter) => {
    gateway.bus.responder = responder;
    const answer = await gateway.alice.call('POST', '/v1/processors/handlebars', template);
    expect(answer).toMatchObject({ status, body: { errors: [{ code }] } });
    expect(answer.headers['retry-after']).toBe(retryAfter);
  });
});

describe('what the executor is given', () => {
  it('is whose it is, how long there is, and documents with their secrets sealed', async () => {
    let task: TryOutTask | null = null;
    const before = Date.now();
    gateway.bus.responder = async (payload) => {
      const header = decodeTryOutHeader(payload);
      expect(header.accountId).toBe(gateway.alice.accountId);
      expect(Date.parse(header.deadline) - before).toBeGreaterThanOrEqual(5_000);
      expect(Date.parse(header.deadline) - before).toBeLessThan(30_000);
      task = decodeTryOutTask(payload);
      expect(Buffer.from(payload).includes('p4ss')).toBe(false);
      return encodeTryOutReply({
        v: 1,
        kind: 'read',
        data: [],
        errors: [],
        stages: [],
        endedEarly: false,
        next: null,
      });
    };
    const { status, body } = await gateway.alice.call('POST', `/v1/connections/${connectionId}/export`, {
      export: { http: { relativeURI: '/orders' } },
    });
    expect({ status, body }).toEqual({ status: 200, body: { data: [] } });
    expect(task).toMatchObject({
      kind: 'read',
      isWhole: true,
      testMode: false,
      from: { cursor: null, skip: 0 },
      plan: {
        connections: { [connectionId]: { http: { auth: { basic: { password: expect.stringMatching(/^mr1:/) } } } } },
      },
    });
  });

  it('is refused before it is sent when it is too large', async () => {
    gateway.bus.responder = () => Promise.reject(new Error('It was sent.'));
    const { status, body } = await gateway.alice.call('POST', `/v1/connections/${connectionId}/import`, {
      import: { http: { method: ['POST'], relativeURI: ['/orders'] } },
      data: [{ text: 'x'.repeat(7_000_000) }],
    });
    expect({ status, body }).toMatchObject({ status: 413, body: { errors: [{ code: 'body_too_large' }] } });
  });
});

describe('tokens that are scoped (resources §21)', () => {
  it('invoke what they name, and nothing else', async () => {
    gateway.bus.responder = refusing('busy');
    const [named, unnamed] = await Promise.all([
      gateway.alice.make('exports', documents.httpExport(connectionId)),
      gateway.alice.make('exports', documents.httpExport(connectionId)),
    ]);
    const made = await gateway.alice.call<{ token: string }>('POST', '/v1/accesstokens', {
      name: 'T',
      _exportIds: [named],
      _connectionIds: [connectionId],
    });
    const scoped = gateway.alice.as(made.body.token);
    const paths = [
      `/v1/exports/${named}/invoke`,
      `/v1/exports/${unnamed}/invoke`,
      `/v1/connections/${connectionId}/export`,
    ];
    const answers = await Promise.all(paths.map((path) => scoped.call('POST', path, { export: {} })));
    expect(answers.map(({ status }) => status)).toEqual([429, 403, 403]);
  });
});
