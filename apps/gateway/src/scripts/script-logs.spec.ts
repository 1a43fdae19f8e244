import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '#model';
import type { ScriptLogRow } from '#store';
import { type GatewayUnderTest, startGateway } from '../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
let scriptId: string;
const [flowId, exportId] = [newId(), newId()];

beforeAll(async () => {
  gateway = await startGateway();
  scriptId = await gateway.alice.make('scripts', { name: 'S', content: 'function f() {}' });
  const levels: readonly ScriptLogRow['level'][] = ['info', 'warn', 'error', 'debug'];
  await gateway.store.scriptLogs.append(
    Array.from({ length: 8 }, (_, i) => ({
      id: newId(),
      accountId: gateway.alice.accountId,
      scriptId,
      flowId: i < 6 ? flowId : newId(),
      flowJobId: newId(),
      time: new Date(Date.parse('2026-06-01T00:00:00.000Z') + i * 1000).toISOString(),
      level: levels[i % 4]!,
      functionType: 'preSavePage',
      resourceId: exportId,
      message: `line ${i}`,
      purgeAt: '2036-07-01T00:00:00.000Z',
    })),
  );
});
afterAll(() => gateway.close());

type Page = { logs: Record<string, unknown>[]; nextPageURL?: string };
const list = (query = '') => gateway.alice.call<Page>('GET', `/v1/scripts/${scriptId}/logs${query}`);
const numbers = (page: Page) => page.logs.map(({ message }) => Number(String(message).slice(5)));

describe('GET /scripts/:id/logs (resources §9)', () => {
  it('lists what the script wrote, newest first', async () => {
    const { status, body } = await list();
    expect(status).toBe(200);
    expect(numbers(body)).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
    expect(body.logs[0]).toEqual({
      time: '2026-06-01T00:00:07.000Z',
      logLevel: 'debug',
      functionType: 'preSavePage',
      _resourceId: exportId,
      message: 'line 7',
    });
    expect(body).not.toHaveProperty('nextPageURL');
  });

  it.each([
    ['?level=warn', [5, 1]],
    ['?level=warn,error', [6, 5, 2, 1]],
    ['?time_gt=2026-06-01T00:00:05.000Z', [7, 6]],
    [`?time_gt=${Date.parse('2026-06-01T00:00:05.000Z')}`, [7, 6]],
    ['?startDate=2026-06-01T00:00:02.000Z&endDate=2026-06-01T00:00:04.000Z', [4, 3, 2]],
    [`?_flowId=${flowId}`, [5, 4, 3, 2, 1, 0]],
    [`?_flowId=${flowId}&level=info`, [4, 0]],
    ['?offset=6', [1, 0]],
  ])('filters %s', async (query, expected) => expect(numbers((await list(query)).body)).toEqual(expected));

  it('pages by nextPageURL, each line once', async () => {
    const seen: number[] = [];
    let url: string | undefined = `/v1/scripts/${scriptId}/logs?limit=2&_flowId=${flowId}`;
    while (url) {
      const { body }: { body: Page } = await gateway.alice.call<Page>('GET', url);
      expect(body.logs).toHaveLength(2);
      seen.push(...numbers(body));
      url = body.nextPageURL;
    }
    expect(seen).toEqual([5, 4, 3, 2, 1, 0]);
  });

  it.each(['?level=loud', '?limit=0', '?offset=-1', '?startDate=x', '?_flowId=x'])('refuses %s', async (query) =>
    expect((await list(query)).status).toBe(400),
  );

  it('is empty for another account, even of a script with the same id', async () => {
    expect(
      (await gateway.store.scriptLogs.list(gateway.bob.accountId, scriptId, { limit: 9, offset: 0 })).rows,
    ).toEqual([]);
    expect((await gateway.bob.call('GET', `/v1/scripts/${scriptId}/logs`)).status).toBe(404);
  });
});

describe('the debug window', () => {
  it('is set by PATCH, an hour ahead at most (resources §1.6)', async () => {
    const patch = (minutes: number) =>
      gateway.alice.call('PATCH', `/v1/scripts/${scriptId}`, [
        { op: 'replace', path: '/debugUntil', value: new Date(Date.now() + minutes * 60_000).toISOString() },
      ]);
    expect((await patch(50)).status).toBe(204);
    expect((await patch(70)).status).toBe(422);
  });
});

describe('DELETE /scripts/:id/logs', () => {
  it('empties the log of this script', async () => {
    expect((await gateway.bob.call('DELETE', `/v1/scripts/${scriptId}/logs`)).status).toBe(404);
    expect((await gateway.alice.call('DELETE', `/v1/scripts/${scriptId}/logs`)).status).toBe(204);
    expect((await list()).body).toEqual({ logs: [] });
  });
});
