import type { TryOutReply, TryOutReplyOf, TryOutTaskOf } from '#contracts';
import type { JsonRecord } from '#model';
import { reasonOf } from './reasons.js';
import type { TryOutContext } from './try-out-context.js';

/** Names the script that is tried out among those of its scope: there is no other. */
const scriptId = '0'.repeat(24);
/** Lines of an answer; what a function says beyond that is cut off. */
const maxLogLines = 1_000;

/** One call of a function, with options of the caller's own. */
export async function callScript(task: TryOutTaskOf<'script'>, context: TryOutContext): Promise<TryOutReply> {
  const { header, world, signal } = context;
  const logs: TryOutReplyOf<'script'>['logs'] = [];
  const functions = world.kit.functionsOf({
    accountId: header.accountId,
    runId: header.id,
    scripts: {
      [scriptId]: {
        content: task.content,
        postResponseHookToProcessOnChildRecord: false,
        // Whoever tries a script out wants to see all that it says.
        debugUntil: header.deadline,
      },
    },
    signal,
    log: (lines) => {
      const room = Math.max(0, maxLogLines - logs.length);
      for (const { time, level, message } of lines.slice(0, room)) logs.push({ time, level, message });
    },
  });
  const reference = { home: { scriptId }, name: task.function, instance: `${scriptId}/tryOut` };
  const outcome = await functions.call(reference, task.options as JsonRecord);
  return {
    v: 1,
    kind: 'script',
    ...('failure' in outcome
      ? { error: reasonOf({ ...outcome.failure, source: 'internal' }) }
      : outcome.value === undefined
        ? {}
        : { value: outcome.value }),
    logs,
  };
}
