import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const root = new URL('../../', import.meta.url).pathname;
const children: ChildProcess[] = [];

/** Starts a script that prints its port as its first line. */
export async function startServer(
  script: string,
  env: NodeJS.ProcessEnv = {},
  ready = /^(\S+)$/,
): Promise<{ answer: string; pid: number }> {
  const child = spawn(process.execPath, ['--no-warnings', `${root}${script}`], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const failed = once(child, 'exit').then(([code]) =>
    Promise.reject(new Error(`${script} ended with ${String(code)}`)),
  );
  failed.catch(() => undefined);
  const first = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = ready.exec(line);
      if (match?.[1]) resolve(match[1]);
    });
  });
  return { answer: await Promise.race([first, failed]), pid: child.pid ?? 0 };
}

export async function runScript(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const options = { env: { ...process.env, ...env }, maxBuffer: 1 << 24 };
  return (await run(process.execPath, ['--no-warnings', `${root}${script}`, ...args], options)).stdout;
}

export async function runCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  return (await run(`${root}${command}`, [...args], { env: { ...process.env, ...env }, maxBuffer: 1 << 24 })).stdout;
}

export async function stopServers(): Promise<void> {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await gone;
    clearTimeout(killer);
  }
  children.length = 0;
}

// USER_HZ is 100 on every Linux that Node supports (man 7 time).
const ticksPerSecond = 100;

/** CPU seconds used so far by a process (man 5 proc, stat fields 14 and 15); 0 once it is gone. */
export function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return 0;
  }
}

/** Largest resident size so far, in MB. */
export function peakRssMb(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
