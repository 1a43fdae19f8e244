import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import pg from 'pg';
import { startEmbeddedPostgres } from '#store/embedded-postgres';
import { Api, type Job, type StepError } from './api.js';
import { Children } from './children.js';
import { createFlow, type DemoFlow } from './flow.js';
import { readOptions, type DemoOptions } from './options.js';
import { number, table } from './report.js';

const citiesInTheDataSet = 135_233;

/** What the destinations say about duplicates and refusals; the platform is not asked. */
interface Evidence {
  readonly warehouse: { rows: number; distinct: number };
  readonly directory: { stored: number; duplicates: number; refused: number; busy: number; down: number };
}

async function run(options: DemoOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-demo-'));
  // Started by root, PostgreSQL runs as a user of its own, who has to get through to its data.
  await chmod(folder, 0o711);
  const children = new Children();
  const cleanUps: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  try {
    await Promise.race([demo(options, folder, children, cleanUps, interrupted), interrupted]);
  } finally {
    await children.stop();
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  }
}

async function demo(
  options: DemoOptions,
  folder: string,
  children: Children,
  cleanUps: (() => Promise<void>)[],
  interrupted: Promise<unknown>,
): Promise<void> {
  say('Starting the applications: json-server with 135,233 cities, a PostgreSQL, and a directory with rules …');
  const log = join(folder, 'demo.log');
  const servers = new URL('../../../tools/demo/servers/', import.meta.url);
  const port = /^(\d+)$/;
  const [source, directory, warehouse] = await Promise.all([
    children.start('source', new URL('source.mjs', servers).pathname, {}, log, port),
    children.start('directory', new URL('directory.mjs', servers).pathname, {}, log, port),
    startEmbeddedPostgres({ dataDir: join(folder, 'warehouse') }),
  ]);
  cleanUps.push(() => warehouse.stop());
  const sourceUrl = `http://127.0.0.1:${source[1] ?? ''}`;
  const directoryUrl = `http://127.0.0.1:${directory[1] ?? ''}`;
  const database = new pg.Client({ connectionString: warehouse.url });
  await database.connect();
  cleanUps.push(() => database.end());
  await database.query(
    'create table cities (id bigint primary key, name text not null, country text, population bigint, longitude double precision, latitude double precision)',
  );

  const api = options.target
    ? new Api(options.target.url, options.target.token)
    : await startMillrace(folder, children, log);
  const where = new URL(warehouse.url);
  const flow = await createFlow(api, {
    sourceUrl,
    directoryUrl,
    database: {
      host: where.hostname,
      port: Number(where.port),
      database: where.pathname.slice(1),
      user: decodeURIComponent(where.username),
      password: decodeURIComponent(where.password),
    },
  });

  say(`Running the flow (API ${api.url}) …`);
  const startedAt = performance.now();
  const { _jobId } = await api.call<{ _jobId: string }>('POST', `/v1/flows/${flow.flowId}/run`, {});
  const job = await watch(api, _jobId, flow);
  const seconds = (performance.now() - startedAt) / 1000;

  const stats = (await (await fetch(`${directoryUrl}/stats`)).json()) as Evidence['directory'];
  const counted = await database.query<{ rows: string; distinct: string }>(
    'select count(*) as rows, count(distinct id) as distinct from cities',
  );
  const evidence: Evidence = {
    warehouse: { rows: Number(counted.rows[0]?.rows), distinct: Number(counted.rows[0]?.distinct) },
    directory: stats,
  };
  await report(api, flow, job, seconds, evidence);
  const problem = contradiction(job, flow, evidence);
  if (problem !== null) throw new Error(problem);
  if (!options.target)
    say(
      `Spans of this run, one line each: ${options.keep ? join(folder, 'trace.jsonl') : 'bin/demo --keep leaves them readable'}`,
    );
  if (options.keep) {
    say('\nEverything is still running. Ctrl-C ends it and leaves nothing behind.');
    // Keeps the process alive until the signal.
    const alive = setInterval(() => undefined, 60_000);
    await interrupted;
    clearInterval(alive);
  }
}

async function startMillrace(folder: string, children: Children, log: string): Promise<Api> {
  say('Starting Millrace on embedded PostgreSQL …');
  const token = `demo-${randomBytes(16).toString('hex')}`;
  const ready = await children.start(
    'millrace',
    new URL('../../apps/standalone/src/main.js', import.meta.url).pathname,
    {
      PORT: process.env['PORT'] ?? '0',
      MILLRACE_HOST: '127.0.0.1',
      MILLRACE_DATA_DIR: join(folder, 'millrace'),
      MILLRACE_TOKEN: token,
      MILLRACE_EGRESS_ALLOW: '127.0.0.0/8',
      MILLRACE_TRACE_FILE: process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] ? '' : join(folder, 'trace.jsonl'),
      LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn',
    },
    log,
    /(http:\/\/\S+)/,
  );
  return new Api((ready[1] ?? '').replace(/\/(v1)?$/, ''), token);
}

async function watch(api: Api, jobId: string, flow: DemoFlow): Promise<Job> {
  const bar = new SingleBar({
    format:
      '  {bar} {percentage}% | read {read} | warehouse {warehouse} | directory {directory} | failed {failed} | {status}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    noTTYOutput: false,
  });
  bar.start(citiesInTheDataSet, 0, { read: 0, warehouse: 0, directory: 0, failed: 0, status: 'queued' });
  let last: Job | null = null;
  for await (const job of api.jobEvents(jobId)) {
    last = job;
    const source = child(job, flow.exportId);
    const warehouse = child(job, flow.tableImportId);
    const read = (source?.numSuccess ?? 0) + (source?.numIgnore ?? 0);
    bar.update(Math.min(read, citiesInTheDataSet), {
      read: number(read),
      warehouse: number(warehouse?.numSuccess ?? 0),
      directory: number(child(job, flow.directoryImportId)?.numSuccess ?? 0),
      failed: number(job.numError),
      status: job.status,
    });
  }
  bar.stop();
  if (!last) throw new Error('The job sent no event.');
  return api.call<Job>('GET', `/v1/jobs/${jobId}`);
}

const child = (job: Job, stepId: string): Job | undefined =>
  job.children?.find((c) => c._exportId === stepId || c._importId === stepId);

async function report(api: Api, flow: DemoFlow, job: Job, seconds: number, evidence: Evidence): Promise<void> {
  const source = child(job, flow.exportId);
  const warehouse = child(job, flow.tableImportId);
  const directory = child(job, flow.directoryImportId);
  const read = (source?.numSuccess ?? 0) + (source?.numIgnore ?? 0);
  const errors = await allErrors(api, flow);
  const classes = Map.groupBy(errors, (e) => e.classification ?? 'unclassified');
  say(
    `\n${table(`Run ${job._id}: ${job.status}`, [
      ['records read', number(read)],
      ['ignored: not inhabited (export filter)', number(source?.numIgnore ?? 0)],
      null,
      ['imported into the warehouse', number(warehouse?.numSuccess ?? 0)],
      ['imported into the directory', number(directory?.numSuccess ?? 0)],
      ['ignored: 50,000 inhabitants or fewer (import filter)', number(directory?.numIgnore ?? 0)],
      null,
      ...[...classes].map(([name, list]): [string, string] => [`failed: ${name}`, number(list.length)]),
      ['failed in all', number(job.numError)],
      null,
      ['times the directory answered 429 / 503', `${evidence.directory.busy} / ${evidence.directory.down}`],
      ['duplicates in the warehouse', number(evidence.warehouse.rows - evidence.warehouse.distinct)],
      ['duplicates in the directory', number(evidence.directory.duplicates)],
      null,
      ['seconds', seconds.toFixed(1)],
      ['records/s', number(read / seconds)],
    ])}`,
  );
  const sample = errors[0];
  if (sample) {
    say(`\nOne of the errors:\n  ${sample.code} (${sample.classification ?? 'unclassified'}): ${sample.message}`);
    if (sample.reqAndResKey) {
      const path = `/v1/flows/${flow.flowId}/${flow.directoryImportId}/requests/${sample.reqAndResKey}`;
      say(`  request and response:\n${indent(JSON.stringify(shortened(await api.call('GET', path)), null, 2))}`);
    }
  }
  say(
    [
      '\nWhere to look next:',
      `  API    ${api.url}/v1 (interactive: ${api.url}/docs)`,
      `  token  ${api.token}`,
      `  errors ${api.url}/v1/flows/${flow.flowId}/${flow.directoryImportId}/errors`,
      `  trace  ${job.traceId ?? 'none'}`,
    ].join('\n'),
  );
}

async function allErrors(api: Api, flow: DemoFlow): Promise<readonly StepError[]> {
  const found: StepError[] = [];
  for (const step of [flow.directoryImportId, flow.tableImportId, flow.exportId]) {
    let path: string | undefined = `/v1/flows/${flow.flowId}/${step}/errors`;
    while (path !== undefined) {
      const page: { errors: StepError[]; nextPageURL?: string } = await api.call('GET', path);
      found.push(...page.errors);
      path = page.nextPageURL;
    }
  }
  return found;
}

/** The demo fails when what the platform counted is not what the destinations hold. */
function contradiction(job: Job, flow: DemoFlow, evidence: Evidence): string | null {
  const warehouse = child(job, flow.tableImportId);
  const directory = child(job, flow.directoryImportId);
  if (job.status !== 'completed') return `The run ended as ${job.status}.`;
  if (warehouse?.numSuccess !== evidence.warehouse.rows) {
    return `The job counts ${warehouse?.numSuccess} rows in the warehouse, which holds ${evidence.warehouse.rows}.`;
  }
  if (directory?.numSuccess !== evidence.directory.stored) {
    return `The job counts ${directory?.numSuccess} places in the directory, which holds ${evidence.directory.stored}.`;
  }
  return evidence.directory.duplicates > 0 ? `The directory holds ${evidence.directory.duplicates} duplicates.` : null;
}

/** Long texts of an exchange, cut for the screen. */
function shortened(exchange: Record<string, unknown>): Record<string, unknown> {
  const cut = (value: unknown): unknown =>
    typeof value === 'string' && value.length > 240 ? `${value.slice(0, 240)}… (${value.length} characters)` : value;
  return Object.fromEntries(Object.entries(exchange).map(([name, value]) => [name, cut(value)]));
}

const indent = (text: string): string => text.replace(/^/gm, '    ');

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const options = readOptions(process.argv.slice(2));
if (options) {
  await run(options).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
  process.exit();
}
