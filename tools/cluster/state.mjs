// What `bin/cluster` remembers between calls, in .cluster/ (ignored by git, readable by its owner alone).
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const folder = process.env.MILLRACE_CLUSTER_DIR ?? join(import.meta.dirname, '../../.cluster');
export const logs = join(folder, 'logs');
const stateFile = join(folder, 'state.json');

/** @typedef {{name: string, kind: string, pid: number, port: number, env: Record<string, string>}} Service */
/** @typedef {{namespace: string, databaseUrl: string, services: Service[]}} State */

/** @returns {State | null} */
export function readState() {
  return existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, 'utf8')) : null;
}

/** @param {State} state */
export function writeState(state) {
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  writeFileSync(stateFile, JSON.stringify(state, null, 2), { mode: 0o600 });
}

export function forget() {
  rmSync(stateFile, { force: true });
}

/** A secret that is made once and kept. */
export function keep(name, make) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, name);
  if (!existsSync(file)) writeFileSync(file, make(), { mode: 0o600 });
  chmodSync(file, 0o600);
  return readFileSync(file, 'utf8').trim();
}

/** True while the process runs and is still the service that was started: pids are reused. */
export function isRunning(service) {
  try {
    const command = readFileSync(`/proc/${service.pid}/cmdline`, 'utf8');
    return command.includes(`apps/${service.kind}/src/main.js`);
  } catch {
    return false;
  }
}
