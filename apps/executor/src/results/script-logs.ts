import { Lane } from '#lanes/lane';
import { newId } from '#model';
import type { ScriptLogs as StoredScriptLogs, ScriptLogRow } from '#store';
import { count } from '#telemetry/metrics';
import type { Notice } from '../workers/protocol.js';
import { Lru } from '../workers/lru.js';

type ScriptLogNotice = Extract<Notice, { kind: 'script-log' }>;

const rowsPerStatement = 2_000;
/** characters of lines that wait for the database; what comes then is dropped (P5) */
const maxWaitingChars = 4 * 1024 * 1024;
/** lines of one script in one run, written by this process */
const maxLinesPerRun = 10_000;
const maxRuns = 1_000;
const retentionMs = 30 * 24 * 3_600_000;

/**
 * Writes what scripts log into the database, in the order in which it was written. A crash may lose the lines of the
 * last moments and a page that runs again writes its lines again: a log says what happened, and counts nothing.
 */
export class ScriptLogs {
  readonly #lane: Lane<ScriptLogRow, void>;
  readonly #linesByRun = new Lru<string, number>(maxRuns);
  #waitingChars = 0;

  constructor(store: Pick<StoredScriptLogs, 'append'>, reportError: (error: unknown, doing: string) => void) {
    this.#lane = new Lane({
      maxItems: rowsPerStatement,
      send: async (batch) => {
        try {
          await store.append(batch.map(({ item }) => item));
        } catch (error) {
          count('millrace.script.log.dropped', batch.length);
          reportError(error, 'writing what scripts log');
        }
        for (const entry of batch) entry.resolve();
      },
    });
  }

  add({ accountId, runId, flowId, lines }: ScriptLogNotice): void {
    for (const { scriptId, time, level, functionType, resourceId, message } of lines) {
      const name = `${runId}/${scriptId}`;
      const written = this.#linesByRun.get(name) ?? 0;
      if (written >= maxLinesPerRun || this.#waitingChars + message.length > maxWaitingChars) {
        count('millrace.script.log.dropped', 1);
        continue;
      }
      this.#linesByRun.set(name, written + 1);
      const isLast = written + 1 === maxLinesPerRun;
      this.#write({
        id: newId(time),
        accountId,
        scriptId,
        flowId,
        flowJobId: runId,
        time: new Date(time).toISOString(),
        level: isLast ? 'warn' : level,
        functionType,
        resourceId,
        message: isLast ? `The script wrote ${maxLinesPerRun} lines in this run; further lines are dropped.` : message,
        purgeAt: new Date(time + retentionMs).toISOString(),
      });
    }
  }

  /** Resolves when everything is written that was added. */
  idle(): Promise<void> {
    return this.#lane.idle();
  }

  #write(row: ScriptLogRow): void {
    const chars = row.message.length;
    this.#waitingChars += chars;
    void this.#lane.submit(row).finally(() => (this.#waitingChars -= chars));
  }
}
