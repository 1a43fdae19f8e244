import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { folder, forget, isRunning, keep, logs, readState, writeState } from './state.mjs';
import { createNamespace, dropNamespace } from './namespace.mjs';

const kinds = { gateway: 1, scheduler: 2, executor: 2, errors: 2 };
const readyWithinMs = 60_000;
const stopWithinMs = 40_000;
const root = join(import.meta.dirname, '../..');
const passedOn = /^(MILLRACE_|OTEL_|PORT$|LOG_LEVEL$|NODE_OPTIONS$)/;

/**
 * Helper threads of V8, four by default, compete with our own for two cores: without them the same pages take a sixth less
 * CPU (measured by `npm run bench -- j1`). Machines with cores to spare keep theirs.
 */
const threads = `--v8-pool-size=${Math.min(4, Math.max(0, availableParallelism() - 2))}`;

const [command, ...args] = process.argv.slice(2);
try {
  await { up, down, status, restart, kill }[command]();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

async function up() {
  const fresh = args.includes('--fresh');
  let state = readState();
  if (state?.services.some(isRunning)) {
    if (!fresh) {
      process.stdout.write('The cluster is up.\n');
      return;
    }
    await stopAll(state);
  }
  if (fresh && state) {
    await dropNamespace(state);
    state = null;
  }
  state ??= await createNamespace();
  const token = process.env.MILLRACE_TOKEN ?? keep('token', () => randomBytes(24).toString('hex'));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'token'), token, { mode: 0o600 });
  const keys = process.env.MILLRACE_ENCRYPTION_KEYS ?? keep('keys', () => `k1:${randomBytes(32).toString('base64')}`);
  const shared = {
    // Everything of this cluster is on loopback, and so are the applications that one tries it with.
    MILLRACE_EGRESS_ALLOW: '127.0.0.0/8',
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => passedOn.test(name))),
    NATS_URL: process.env.NATS_URL,
    KAFKA_BROKERS: process.env.KAFKA_BROKERS,
    DATABASE_URL: state.databaseUrl,
    MILLRACE_NAMESPACE: state.namespace,
    MILLRACE_TOKEN: token,
    MILLRACE_ENCRYPTION_KEYS: keys,
    MILLRACE_DATA_DIR: join(folder, 'data'),
  };
  state.services = [];
  for (const [kind, count] of Object.entries(kinds)) {
    for (let i = 1; i <= count; i += 1) {
      const port = kind === 'gateway' ? Number(process.env.PORT ?? 3000) : await freePort();
      const portName = kind === 'gateway' ? 'PORT' : 'MILLRACE_HEALTH_PORT';
      const name = `${kind}-${i}`;
      const env = { ...shared, MILLRACE_INSTANCE: name, [portName]: String(port) };
      state.services.push({ name, kind, port, pid: 0, env });
    }
  }
  writeState(state);
  for (const service of state.services) service.pid = launch(service);
  writeState(state);
  await Promise.all(state.services.map(waitUntilReady));
  process.stdout.write(
    `The cluster is up: http://127.0.0.1:${state.services[0].port}/v1, token in ${relative('', join(folder, 'token'))}\n`,
  );
}

async function down() {
  const state = readState();
  if (state) await stopAll(state);
  if (state && args.includes('--drop')) {
    await dropNamespace(state);
    forget();
  }
  process.stdout.write('The cluster is down.\n');
}

async function status() {
  const running = (readState()?.services ?? []).filter(isRunning);
  const rows = running.map(({ name, kind, pid, port }) => ({ name, kind, pid, port }));
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify(rows)}\n`);
  else for (const row of rows) process.stdout.write(`${row.name.padEnd(14)} pid ${row.pid}  port ${row.port}\n`);
  if (!args.includes('--json') && rows.length === 0) process.stdout.write('Nothing runs.\n');
}

async function restart() {
  const { state, service } = named();
  await stop(service);
  service.pid = launch(service);
  writeState(state);
  await waitUntilReady(service);
}

async function kill() {
  const { service } = named();
  if (isRunning(service)) process.kill(service.pid, 'SIGKILL');
}

function named() {
  const state = readState();
  const service = state?.services.find((s) => s.name === args[0]);
  if (!state || !service)
    throw new Error(`There is no service ${args[0] ?? '(no name given)'}; see bin/cluster status.`);
  return { state, service };
}

function launch(service) {
  const log = openSync(join(logs, `${service.name}.log`), 'a', 0o600);
  const child = spawn(
    process.execPath,
    ['--no-warnings', '--enable-source-maps', threads, join(root, `dist/apps/${service.kind}/src/main.js`)],
    {
      cwd: root,
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...service.env },
    },
  );
  child.unref();
  return child.pid;
}

async function waitUntilReady(service) {
  const deadline = Date.now() + readyWithinMs;
  while (Date.now() < deadline) {
    if (!isRunning(service))
      throw new Error(`${service.name} ended before it was ready; see .cluster/logs/${service.name}.log`);
    const answer = await fetch(`http://127.0.0.1:${service.port}/readyz`).catch(() => null);
    if (answer?.ok) return;
    await delay(100);
  }
  throw new Error(
    `${service.name} is not ready after ${readyWithinMs / 1000} s; see .cluster/logs/${service.name}.log`,
  );
}

// Those who make work first, those who finish it last.
async function stopAll(state) {
  for (const kind of Object.keys(kinds)) await Promise.all(state.services.filter((s) => s.kind === kind).map(stop));
}

async function stop(service) {
  if (!isRunning(service)) return;
  process.kill(service.pid, 'SIGTERM');
  const deadline = Date.now() + stopWithinMs;
  while (isRunning(service)) {
    if (Date.now() > deadline) process.kill(service.pid, 'SIGKILL');
    await delay(50);
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
