import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeTryOutReply, oneTimeCallAnswer, oneTimeCallQuestion, oneTimeCallTopic } from '#contracts';
import { PlatformError } from '#failures';
import type { OneTimeClaims } from '#security';
import {
  type Client,
  documents,
  type GatewayUnderTest,
  makeFlow,
  startGateway,
} from '../testing/gateway-under-test.js';

/** Reference: resources §1.1, "One-time tokens". */
const executorId = 'e'.repeat(24);
const callId = 'c'.repeat(24);
const minutes = 60_000;

let gateway: GatewayUnderTest;
let ids: Readonly<Record<'integration' | 'flow' | 'export' | 'import' | 'own' | 'other' | 'connection', string>>;
let asked: string[];
let isOpen: () => Promise<boolean>;

beforeAll(async () => {
  gateway = await startGateway();
  const { alice } = gateway;
  const integration = await alice.make('integrations', { name: 'I' });
  const { flowId: flow, ...steps } = await makeFlow(alice, { _integrationId: integration });
  const own = { ...documents.httpExport(steps.connectionId), _integrationId: integration };
  const elsewhere = await makeFlow(alice, { _integrationId: await alice.make('integrations', { name: 'J' }) });
  ids = {
    integration,
    flow,
    export: steps.exportId,
    import: steps.importId,
    connection: steps.connectionId,
    own: await alice.make('exports', own),
    other: elsewhere.exportId,
  };
});
beforeEach(() => {
  asked = [];
  isOpen = () => Promise.resolve(true);
  gateway.bus.responder = async (payload, topic) => {
    asked.push(topic);
    if (topic !== oneTimeCallTopic(executorId)) {
      return encodeTryOutReply({ v: 1, kind: 'refused', why: 'busy', reasons: [{ code: 'busy', message: 'it came' }] });
    }
    expect(oneTimeCallQuestion.decode(payload)).toEqual({ v: 1, callId });
    return oneTimeCallAnswer.encode({ v: 1, isOpen: await isOpen() });
  };
});
afterAll(() => gateway.close());

function holder(change: Partial<OneTimeClaims> = {}): Client {
  const { alice, oneTimeTokens } = gateway;
  const claims = { accountId: alice.accountId, integrationId: ids.integration, executorId, callId };
  return alice.as(oneTimeTokens.issue({ ...claims, expiresAtMs: Date.now() + 15 * minutes, ...change }));
}

describe('a one-time token', () => {
  it.each<[string, () => string]>([
    ['an export that a flow of its integration reads', () => `/v1/exports/${ids.export}/invoke`],
    ['an import that a flow of its integration writes with', () => `/v1/imports/${ids.import}/invoke`],
    ['an export of its integration that no flow uses', () => `/v1/exports/${ids.own}/invoke`],
  ])('invokes %s', async (_, path) => {
    const { status } = await holder().call('POST', path(), path().includes('imports') ? [] : {});
    expect(status).toBe(429);
    expect(asked).toEqual([oneTimeCallTopic(executorId), 'try-out']);
  });

  it.each<[string, 'GET' | 'POST' | 'PUT' | 'DELETE', () => string]>([
    ['invokes nothing of another integration', 'POST', () => `/v1/exports/${ids.other}/invoke`],
    ['invokes no export as an import', 'POST', () => `/v1/imports/${ids.export}/invoke`],
    ['invokes nothing that is not there', 'POST', () => `/v1/exports/${'0'.repeat(24)}/invoke`],
    ['invokes nothing without an id', 'POST', () => '/v1/exports/constructor/invoke'],
    ['reads nothing', 'GET', () => `/v1/exports/${ids.export}`],
    ['lists nothing', 'GET', () => '/v1/exports'],
    ['changes nothing', 'PUT', () => `/v1/exports/${ids.export}`],
    ['deletes nothing', 'DELETE', () => `/v1/imports/${ids.import}`],
    ['runs no flow', 'POST', () => `/v1/flows/${ids.flow}/run`],
    ['exports nothing that is not stored', 'POST', () => `/v1/connections/${ids.connection}/export`],
    ['makes no token', 'POST', () => '/v1/accesstokens'],
    ['previews nothing', 'POST', () => '/v1/exports/preview'],
    ['is nobody', 'GET', () => '/v1/tokenInfo'],
    ['knows no way around', 'POST', () => `/v1/exports/../exports/${ids.other}/invoke`],
  ])('%s', async (_, method, path) => {
    const { status, body } = await holder().call(method, path(), method === 'GET' ? undefined : {});
    expect({ status, body }).toMatchObject({ status: 403, body: { errors: [{ code: 'access_restricted' }] } });
    expect(asked).toEqual([oneTimeCallTopic(executorId)]);
  });

  it.each<[string, () => Client, Readonly<Record<string, string>>, number]>([
    ['of a flow of no integration', () => holder({ integrationId: null }), {}, 403],
    ['of another account', () => holder({ accountId: gateway.bob.accountId }), {}, 403],
    ['that would select an account', () => holder(), { 'integrator-ashareid': 'a'.repeat(24) }, 403],
    ['that is 15 minutes old', () => holder({ expiresAtMs: Date.now() }), {}, 401],
    ['that was tampered with', () => gateway.alice.as(`${holder().token}A`.replace(/.{8}A$/, 'AAAAAAAA')), {}, 401],
    ['that nobody issued', () => gateway.alice.as('mrone_W10'), {}, 401],
  ])('invokes nothing %s', async (_, client, headers, status) => {
    const answer = await client().call('POST', `/v1/exports/${ids.export}/invoke`, {}, headers);
    expect(answer.status).toBe(status);
    expect(asked).not.toContain('try-out');
    if (status === 401) expect(asked).toEqual([]);
  });

  it.each<[string, () => Promise<boolean>, number, string]>([
    ['its function has returned', () => Promise.resolve(false), 401, 'unauthorized'],
    ['its executor is gone', () => Promise.reject(new PlatformError('bus_no_responders', 'none')), 401, 'unauthorized'],
    ['nobody can tell', () => Promise.reject(new PlatformError('bus_unavailable', 'away')), 503, 'unavailable'],
  ])('is good for nothing when %s', async (_, open, status, code) => {
    isOpen = open;
    const { status: got, body } = await holder().call('POST', `/v1/exports/${ids.export}/invoke`, {});
    expect({ status: got, body }).toMatchObject({ status, body: { errors: [{ code }] } });
    expect(asked).not.toContain('try-out');
  });
});
