import type { Functions } from '../functions.js';
import type { RunContext } from '../run-context.js';

/** A run for tests of this library; its clock stands at midnight of 2025-03-27 UTC. */
export function runContext(overrides: Partial<RunContext> = {}): RunContext {
  return {
    runId: 'r'.repeat(24),
    accountId: 'a'.repeat(24),
    flowId: 'f'.repeat(24),
    job: { _id: 'job', type: 'flow', startedAt: '2025-03-27T00:00:00.000Z' },
    testMode: false,
    lastExportDateTime: null,
    currentExportDateTime: '2025-03-27T00:00:00.000Z',
    nowMs: () => Date.UTC(2025, 2, 27),
    ...overrides,
  };
}

/** For flows that name no function: calling one is the test's mistake. */
export const noFunctions: Functions = {
  call: ({ name }) => Promise.reject(new Error(`No function ${name} was expected to be called.`)),
  callEach: ({ name }) => Promise.reject(new Error(`No function ${name} was expected to be called.`)),
};
