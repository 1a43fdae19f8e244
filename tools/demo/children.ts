import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Processes that the demo started; all of them end with it. */
export class Children {
  private readonly running: { name: string; child: ChildProcess }[] = [];

  /**
   * Starts a Node script whose first line of output is what the caller waits for.
   *
   * @param logFile receives standard error
   * @throws Error when the process ends before its first matching line
   */
  async start(
    name: string,
    script: string,
    env: NodeJS.ProcessEnv,
    logFile: string,
    ready: RegExp,
  ): Promise<RegExpExecArray> {
    const child = spawn(process.execPath, ['--no-warnings', script], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', openSync(logFile, 'a')],
      // A group of its own: a Ctrl-C in the terminal reaches the demo alone, which then ends its children in order.
      detached: true,
    });
    this.running.push({ name, child });
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${name} ended with status ${String(code)} before it was ready; see ${logFile}`);
    });
    // Also when the race below is long decided: an end at shutdown is no unhandled rejection.
    ended.catch(() => undefined);
    return Promise.race([firstMatch(child, ready), ended]);
  }

  /** Ends everything in reverse order of start, politely first. */
  async stop(): Promise<void> {
    for (const { child } of this.running.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await gone;
      clearTimeout(killer);
    }
    this.running.length = 0;
  }
}

async function firstMatch(child: ChildProcess, ready: RegExp): Promise<RegExpExecArray> {
  const { stdout } = child;
  if (!stdout) throw new Error('the child has no standard output');
  const lines = createInterface({ input: stdout });
  return new Promise((resolve) => {
    lines.on('line', (line) => {
      const match = ready.exec(line);
      if (match) resolve(match);
    });
  });
}
