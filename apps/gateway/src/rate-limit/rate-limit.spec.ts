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

it('holds over all gateways: what one let through is missing at the others, and is made up for', async () => {
  const rate = { capacity: 20, refillPerSecond: 1 };
  const first = await startGateway({ rate }, () => nowMs);
  const second = await startGateway({ rate }, () => nowMs, first);
  const passed = async (times: number): Promise<number> => {
    let count = 0;
    for (let i = 0; i < times; i += 1) {
      const client = i % 2 === 0 ? first.alice : second.alice;
      if ((await client.call('GET', '/v1/tokenInfo')).status === 200) count += 1;
    }
    return count;
  };
  // Ahead by what the other has not heard of yet: less than a tenth of the capacity.
  const atOnce = await passed(60);
  expect(atOnce).toBeGreaterThanOrEqual(20);
  expect(atOnce).toBeLessThanOrEqual(22);
  const refused = await second.alice.call('GET', '/v1/tokenInfo');
  expect([refused.status, Number(refused.headers['retry-after'])]).toEqual([429, expect.any(Number)]);

  nowMs += 10_000;
  const inAll = atOnce + (await passed(60));
  expect(inAll).toBeGreaterThanOrEqual(29);
  expect(inAll).toBeLessThanOrEqual(32);
  expect((await second.bob.call('GET', '/v1/tokenInfo')).status).toBe(200);
  await second.close();
  await first.close();
});
