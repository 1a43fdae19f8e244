import type { FunctionOutcome } from '#engine';
import type { JsonValue } from '#model';
import { invalidResponse } from './codes.js';
import { maxLogLineChars, type SandboxLimits } from './limits.js';

export type ScriptLogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface LogLine {
  /** epoch ms */
  readonly time: number;
  readonly level: ScriptLogLevel;
  readonly message: string;
}

const levels = new Set<unknown>(['error', 'warn', 'info', 'debug']);
const maxCodeChars = 200;
const maxMessageChars = 4_000;

/**
 * Reads a line of outcomes. It is checked like any hostile input: the process may not be ours any more.
 *
 * @throws Error when it is no such line, or of fewer or more outcomes than the call has
 */
export function readOutcomes(line: string, count: number): FunctionOutcome[] {
  const outcomes: unknown = JSON.parse(line);
  if (!Array.isArray(outcomes) || outcomes.length !== count) throw new Error('The answer has another form.');
  return outcomes.map(readOutcome);
}

function readOutcome(entry: unknown): FunctionOutcome {
  if (!Array.isArray(entry)) throw new Error('An outcome has another form.');
  const [kind, content] = entry as [unknown, unknown];
  if (kind === 0) return { value: content as JsonValue };
  if (kind === 1) return { value: undefined };
  const { code, message } = (content ?? {}) as { code?: unknown; message?: unknown };
  return {
    failure: {
      code: typeof code === 'string' ? code.slice(0, maxCodeChars) : invalidResponse,
      message: typeof message === 'string' ? message.slice(0, maxMessageChars) : '',
    },
  };
}

/**
 * Reads the line of logs, hostile as well.
 *
 * @throws Error when it is no such line
 */
export function readLogs(line: string, { maxLogLines }: SandboxLimits): LogLine[] {
  const lines: unknown = JSON.parse(line);
  if (!Array.isArray(lines)) throw new Error('The log has another form.');
  // One more than the limit says how many were dropped.
  return lines.slice(0, maxLogLines + 1).flatMap((line: unknown) => {
    if (!Array.isArray(line)) return [];
    const [time, level, message] = line as [unknown, unknown, unknown];
    if (typeof time !== 'number' || !levels.has(level) || typeof message !== 'string') return [];
    return [{ time, level: level as ScriptLogLevel, message: message.slice(0, maxLogLineChars) }];
  });
}
