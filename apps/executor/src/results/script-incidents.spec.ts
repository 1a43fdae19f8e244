import { describe, expect, it } from '@jest/globals';
import { reportIncident } from './script-incidents.js';

describe('an incident of a script', () => {
  it('is one line for the operator, which names the script and its run', () => {
    const lines: unknown[] = [];
    const run = { kind: 'script-incident' as const, accountId: 'a', runId: 'r', flowId: 'f' };
    reportIncident(
      { ...run, incident: { scriptId: 's', reason: 'crashed' } },
      { warn: (line: unknown) => void lines.push(line) },
    );
    expect(lines).toEqual([{ accountId: 'a', scriptId: 's', runId: 'r', flowId: 'f', reason: 'crashed' }]);
  });
});
