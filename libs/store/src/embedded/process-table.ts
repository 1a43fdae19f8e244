import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { codeOf } from './error-code.js';

const run = promisify(execFile);

export interface ProcessEntry {
  readonly parentPid: number;
  readonly command: string;
}

/**
 * A running process; null when there is none, or only its remains that nobody collected. A pid alone says nothing: the
 * system uses pids again.
 */
export async function findProcess(pid: number): Promise<ProcessEntry | null> {
  let line: string;
  try {
    ({ stdout: line } = await run('ps', ['-ww', '-o', 'stat=,ppid=,command=', '-p', String(pid)]));
  } catch (error) {
    // `ps` ends with 1 when it finds no process.
    if (codeOf(error) === 1) return null;
    throw error;
  }
  const [, state, parentPid, command] = /^\s*(\S+)\s+(\d+)\s+(.*)$/m.exec(line) ?? [];
  if (state === undefined || state.startsWith('Z')) return null;
  return { parentPid: Number(parentPid), command: command ?? '' };
}

/** Sends a signal, when there is still somebody to get it. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return;
    throw error;
  }
}

/** @returns false when it still runs after `timeoutMs` */
export async function waitForExit(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (await findProcess(pid)) {
    if (Date.now() > deadline) return false;
    await delay(50);
  }
  return true;
}
