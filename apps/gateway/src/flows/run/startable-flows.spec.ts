import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signals } from '#contracts';
import { type GatewayUnderTest, makeFlow, startGateway } from '../../testing/gateway-under-test.js';

let nowMs = Date.parse('2026-06-01T00:00:00.000Z');
let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway({}, () => nowMs);
});
afterAll(() => gateway.close());

/** @returns status, code of the refusal, and statements that read documents */
async function start(flowId: string): Promise<{ status: number; code: string | undefined; reads: number }> {
  const { documents } = gateway.store;
  const getMany = documents.getMany.bind(documents);
  let reads = 0;
  documents.getMany = (...args) => {
    reads += 1;
    return getMany(...args);
  };
  try {
    const { status, body } = await gateway.alice.call<{ errors?: { code: string }[] }>(
      'POST',
      `/v1/flows/${flowId}/run`,
      {},
    );
    return { status, code: body.errors?.[0]?.code, reads };
  } finally {
    documents.getMany = getMany;
  }
}

/** Several runs may be active, so that starts after the first are none of `run_already_queued`. */
const roomy = { maxConcurrentRuns: 10 };

describe('a flow that was started a moment ago', () => {
  it('is not read again', async () => {
    const { flowId } = await makeFlow(gateway.alice, roomy);
    expect(await start(flowId)).toMatchObject({ status: 201, reads: 3 });
    expect(await start(flowId)).toMatchObject({ status: 201, reads: 0 });
  });

  it('is not started from before a change that was made here', async () => {
    const { flowId, importId } = await makeFlow(gateway.alice, roomy);
    await start(flowId);
    const { body: flow } = await gateway.alice.call('GET', `/v1/flows/${flowId}`);
    await gateway.alice.call('PUT', `/v1/flows/${flowId}`, { ...flow, disabled: true });
    expect(await start(flowId)).toMatchObject({ status: 422, code: 'inactive_flow' });
    await gateway.alice.call('PUT', `/v1/flows/${flowId}`, { ...flow, disabled: false });
    expect(await start(flowId)).toMatchObject({ status: 201 });
    await gateway.alice.call('DELETE', `/v1/imports/${importId}`);
    expect(await start(flowId)).toMatchObject({ status: 422, code: 'invalid_flow' });
  });

  it.each(['flowId', 'exportId', 'importId'] as const)(
    'is read again when a change of its %s is signalled',
    async (of) => {
      const made = await makeFlow(gateway.alice, roomy);
      await start(made.flowId);
      gateway.bus.signal(signals.resourceChanged, `${gateway.alice.accountId} any ${made[of]}`);
      expect(await start(made.flowId)).toMatchObject({ status: 201, reads: 3 });
    },
  );

  it('is read again after five seconds, should a signal be lost', async () => {
    const { flowId } = await makeFlow(gateway.alice, roomy);
    await start(flowId);
    nowMs += 4_999;
    expect(await start(flowId)).toMatchObject({ reads: 0 });
    nowMs += 1;
    expect(await start(flowId)).toMatchObject({ reads: 3 });
  });

  it('is not there for another account', async () => {
    const { flowId } = await makeFlow(gateway.alice, roomy);
    await start(flowId);
    expect((await gateway.bob.call('POST', `/v1/flows/${flowId}/run`, {})).status).toBe(404);
  });
});
