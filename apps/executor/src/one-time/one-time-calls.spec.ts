import { describe, expect, it } from '@jest/globals';
import type { Responder } from '#bus';
import { oneTimeCallAnswer, oneTimeCallQuestion, oneTimeCallTopic } from '#contracts';
import { OneTimeTokens, SecretBox } from '#security';
import { systemClock } from '../system-clock.js';
import type { WorkerApi } from '../workers/protocol.js';
import { WorkerOneTimeTokens } from '../workers/worker-one-time-tokens.js';
import { executorIdOf } from './executor-id.js';
import { OneTimeCalls } from './one-time-calls.js';

/** Reference: resources §1.1, "One-time tokens". */
const accountId = 'a'.repeat(24);
const integrationId = 'b'.repeat(24);
const instance = 'executor.1 > *';
const tokens = OneTimeTokens.fromKeyring(SecretBox.createKey('test'));

/** An executor of two workers, as far as tokens go. */
function executor() {
  const responders = new Map<string, Responder>();
  const workers = Array.from(
    { length: 2 },
    () => new WorkerOneTimeTokens({ tokens, executorId: executorIdOf(instance), clock: systemClock }),
  );
  const calls = new OneTimeCalls({
    bus: {
      respond: (topic, responder) => {
        responders.set(topic, responder);
        return { drain: async () => void responders.delete(topic) };
      },
    },
    pool: {
      size: workers.length,
      worker: (index) =>
        ({ isStackCallOpen: async (callId: string) => workers[index]!.isOpen(callId) }) as unknown as WorkerApi,
    },
    instance,
  });
  const isOpen = async (token: string): Promise<boolean> => {
    const { executorId, callId } = tokens.read(token)!;
    const answer = await responders.get(oneTimeCallTopic(executorId))!(oneTimeCallQuestion.encode({ v: 1, callId }));
    return oneTimeCallAnswer.decode(answer).isOpen;
  };
  return { workers, calls, responders, isOpen };
}

describe('an executor whose workers wait for functions of stacks', () => {
  it('says so of each call until it is over, whichever worker waits', async () => {
    const { workers, calls, isOpen } = executor();
    calls.open();
    const issued = workers.map((worker) => worker.forAccount(accountId).issue(integrationId));
    expect(await Promise.all(issued.map(({ text }) => isOpen(text)))).toEqual([true, true]);
    issued[1]!.end();
    expect(await Promise.all(issued.map(({ text }) => isOpen(text)))).toEqual([true, false]);
  });

  it('gives each call a token of its own, good for 15 minutes', () => {
    const { workers } = executor();
    const before = Date.now();
    const [first, second] = [1, 2].map(() => workers[0]!.forAccount(accountId).issue(null));
    const claims = tokens.read(first!.text)!;
    expect(claims).toMatchObject({ accountId, integrationId: null });
    expect(claims.expiresAtMs - before).toBeGreaterThanOrEqual(900_000);
    expect(claims.expiresAtMs - before).toBeLessThan(910_000);
    expect(tokens.read(second!.text)?.callId).not.toBe(claims.callId);
  });

  it('has a name that any bus takes, and stops answering when it drains', async () => {
    const { calls, responders } = executor();
    calls.open();
    expect([...responders.keys()]).toEqual([expect.stringMatching(/^one-time-call\.[0-9a-f]{24}$/)]);
    await calls.drain();
    expect(responders.size).toBe(0);
  });

  it('refuses a question that is none', async () => {
    const { calls, responders } = executor();
    calls.open();
    const [responder] = responders.values();
    await expect(responder!(Buffer.from('{"v":1,"callId":"*"}'))).rejects.toThrow('one-time-call');
  });
});
