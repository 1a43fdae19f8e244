import { parseArgs } from 'node:util';
import { boot, brokersConfig, environment, loadConfig, processConfig, storageConfig } from '#config';
import { DeadLetters } from '#hosting/dead-letters';
import { openClusterPorts } from '#hosting/cluster-ports';
import { openEmbeddedPorts } from '#hosting/embedded-ports';
import type { Ports } from '#hosting';
import { createLogger, type Logger } from '#telemetry';

const usage = `usage: bin/dead-letters list [--limit N]     messages and events that nobody could process, one JSON object per line
       bin/dead-letters replay NAME …       gives them, by the names of the list, to their readers again

With NATS_URL, KAFKA_BROKERS and DATABASE_URL, those of a cluster; without NATS_URL, those of the single process, which must
not run meanwhile unless DATABASE_URL names its PostgreSQL.
`;

async function openPorts(logger: Logger): Promise<Ports> {
  const env = environment();
  const { storage } = loadConfig({ storage: storageConfig }, env);
  const poolSize = 2;
  if (!env['NATS_URL']) {
    return openEmbeddedPorts({
      dataDir: storage.MILLRACE_DATA_DIR,
      databaseUrl: storage.DATABASE_URL,
      poolSize,
      logger,
    });
  }
  if (storage.DATABASE_URL === undefined) throw new Error('DATABASE_URL is not set: a cluster has one.');
  const { brokers, process: self } = loadConfig({ brokers: brokersConfig, process: processConfig }, env);
  return openClusterPorts({
    natsUrl: brokers.NATS_URL,
    kafkaBrokers: brokers.KAFKA_BROKERS,
    databaseUrl: storage.DATABASE_URL,
    namespace: brokers.MILLRACE_NAMESPACE,
    instance: `${self.MILLRACE_INSTANCE}-dead-letters`,
    poolSize,
    logger,
  });
}

async function obey(letters: DeadLetters, command: string, names: readonly string[], limit: number): Promise<void> {
  if (command === 'list') {
    for (const letter of await letters.list(limit)) process.stdout.write(`${JSON.stringify(letter)}\n`);
    return;
  }
  for (const name of names) {
    const isThere = await letters.replay(name);
    process.stdout.write(`${isThere ? 'replayed' : 'unknown'} ${name}\n`);
    if (!isThere) process.exitCode = 1;
  }
}

await boot(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { limit: { type: 'string', default: '50' } },
  });
  const [command, ...names] = positionals;
  const limit = Number(values.limit);
  const isUnderstood = command === 'list' ? names.length === 0 : command === 'replay' && names.length > 0;
  if (command === undefined || !isUnderstood || !Number.isSafeInteger(limit) || limit < 1) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const ports = await openPorts(createLogger({ service: 'dead-letters', instance: 'operator', level: 'silent' }));
  try {
    await obey(new DeadLetters(ports), command, names, limit);
  } finally {
    await ports.close();
  }
});
