import { afterEach, describe, expect, it } from '@jest/globals';
import { AccountProcess, type CallHost, ProcessEnded } from './account-process.js';
import { sandboxLimits } from './limits.js';
import type { HostCall } from './host-calls.js';

const source = `
import { state } from 'integrator-api';
const f = ({ times, text }) => { for (let i = 0; i < times; i += 1) state.get(text); return times; };`;

let process: AccountProcess | undefined;
afterEach(() => process?.stop());

/** A process whose own bounds are wider than its worker's stands for one that a script has taken over. */
function call(options: object, host: CallHost, maxOutputBytes = 1_000): ReturnType<AccountProcess['call']> {
  process = new AccountProcess({ ...sandboxLimits(), maxOutputBytes, maxHostCalls: 50 });
  process.teach('content', source);
  const request = { scriptId: 's', content: 'content', instance: 'i', functionName: 'f', debugUntilMs: 0 };
  return process.call({ kind: 'calls', ...request }, [JSON.stringify(options)], 30_000, host);
}

function hostOf(maxCalls: number): CallHost & { readonly answered: HostCall[] } {
  const answered: HostCall[] = [];
  return {
    maxCalls,
    answered,
    answer: async (asked) => {
      answered.push(asked);
      return '[1]';
    },
  };
}

describe('the process of an account', () => {
  it('may make as many host calls as its functions may', async () => {
    const { lines } = await call({ times: 3, text: 'a' }, hostOf(3));
    expect(lines).toEqual(['[]', '[[0,3]]']);
  });

  it('is ended when it makes more', async () => {
    const host = hostOf(3);
    await expect(call({ times: 4, text: 'a' }, host)).rejects.toMatchObject({ reason: 'crashed' });
    await expect(call({ times: 4, text: 'a' }, host)).rejects.toBeInstanceOf(ProcessEnded);
    expect(host.answered).toHaveLength(6);
  });

  it('is told nothing of a host call when it has ended', async () => {
    const aborted = Promise.withResolvers<string>();
    const outcome = call(
      { times: 1, text: 'a' },
      {
        maxCalls: 1,
        answer: (_, signal) => {
          signal.addEventListener('abort', () => aborted.resolve('[1]'));
          process?.stop();
          return aborted.promise;
        },
      },
    );
    await expect(outcome).rejects.toMatchObject({ reason: 'stopped' });
    expect(await aborted.promise).toBe('[1]');
  });
});
