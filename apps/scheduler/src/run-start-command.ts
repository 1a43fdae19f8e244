import type { OutgoingMessage } from '#bus';
import { runStart } from '#contracts';

/** Makes the schedulers look at a queued job at once. Reference: `libs/contracts/src/commands.ts`. */
export function startCommand(run: {
  readonly accountId: string;
  readonly flowId: string;
  readonly jobId: string;
}): OutgoingMessage {
  const { accountId, flowId, jobId } = run;
  return {
    queue: 'cmd.run.start',
    key: flowId,
    id: `start/${jobId}`,
    body: runStart.encode({ v: 1, accountId, flowId, jobId }),
  };
}
