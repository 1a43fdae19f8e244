import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type GatewayUnderTest, startGateway } from '../testing/gateway-under-test.js';

let nowMs = Date.parse('2026-06-01T00:00:00.000Z');
let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway({ rate: { capacity: 3, refillPerSecond: 0.5 } }, () => nowMs);
});
afterAll(() => gateway.close());

it('answers 429 with whole seconds in Retry-After, per account', async () => {
  const statuses = [];
  for (let i = 0; i < 4; i += 1) statuses.push((await gateway.alice.call('GET', '/v1/tokenInfo')).status);
  expect(statuses).toEqual([200, 200, 200, 429]);

  const refused = await gateway.alice.call('GET', '/v1/tokenInfo');
  expect(refused.headers['retry-after']).toBe('2');
  expect(refused.body).toEqual({
    errors: [{ code: 'rate_limited', message: 'Too many requests. Retry after 2 seconds.' }],
  });
  expect((await gateway.bob.call('GET', '/v1/tokenInfo')).status).toBe(200);

  nowMs += 2_000;
  expect((await gateway.alice.call('GET', '/v1/tokenInfo')).status).toBe(200);
  expect((await gateway.alice.call('GET', '/v1/tokenInfo')).status).toBe(429);
});
