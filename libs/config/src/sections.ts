import { availableParallelism, hostname } from 'node:os';
import { z } from 'zod';
import { defineConfig } from './define.js';

const port = z.coerce.number().int().min(0).max(65_535);
const positive = z.coerce.number().int().positive();

/** `capacity,refillPerSecond`, or `off`. */
const rate = z.union([
  z.literal('off').transform(() => null),
  z
    .string()
    .regex(/^\d+,\d+$/, 'must be `capacity,refillPerSecond` or `off`')
    .transform((text) => {
      const [capacity, refillPerSecond] = text.split(',').map(Number) as [number, number];
      return { capacity, refillPerSecond };
    }),
]);

const token = z.string().min(16, 'must have at least 16 characters');

const accounts = z.string().transform((text, ctx) =>
  text.split(',').map((entry) => {
    const at = entry.indexOf(':');
    const name = entry.slice(0, at).trim();
    const value = entry.slice(at + 1).trim();
    if (at < 1 || value.length < 16) {
      ctx.addIssue({ code: 'custom', message: 'must be `name:token,…` with tokens of at least 16 characters' });
    }
    return { name, token: value };
  }),
);

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((s) => s.trim())
    .filter((s) => s !== ''),
);

export const apiConfig = defineConfig('api', {
  PORT: port.default(3000).describe('Port of the REST API (gateway, standalone). 0 picks a free one.'),
  MILLRACE_HOST: z.string().default('0.0.0.0').describe('Address that the service listens on.'),
  MILLRACE_API_RATE: rate
    .default({ capacity: 1000, refillPerSecond: 300 })
    .describe('Limit of the API per account: `capacity,refillPerSecond`, or `off`.'),
});

export const accountsConfig = defineConfig('accounts', {
  MILLRACE_TOKEN: token
    .optional()
    .describe("Bearer token of the first account's owner, created at first start; random and printed once when unset."),
  MILLRACE_ACCOUNTS: accounts.default([]).describe('More accounts at first start: `name:token,…`.'),
});

export const storageConfig = defineConfig('storage', {
  MILLRACE_DATA_DIR: z.string().default('.millrace').describe('Embedded PostgreSQL, blobs, keys, first token.'),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('PostgreSQL server; standalone without it starts one of its own.'),
  MILLRACE_DATABASE_POOL: positive.default(10).describe('Connections to PostgreSQL per process.'),
});

export const brokersConfig = defineConfig('brokers', {
  NATS_URL: z.string().describe('NATS servers, comma-separated, for example nats://nats:4222.'),
  KAFKA_BROKERS: list.describe('Kafka brokers, comma-separated host:port.'),
  MILLRACE_NAMESPACE: z
    .string()
    .regex(/^([a-z][a-z0-9]{0,30})?$/, 'must be lower-case letters and digits')
    .default('')
    .describe('Prefix of streams and topics, so that several clusters can share brokers.'),
});

export const securityConfig = defineConfig('security', {
  MILLRACE_ENCRYPTION_KEYS: z
    .string()
    .optional()
    .describe(
      'Keyring for secrets, `id:base64,…`, 32 bytes each, the first encrypts. Standalone makes one when unset.',
    ),
  MILLRACE_EGRESS_ALLOW: list.default([]).describe('CIDRs that flows may reach although private, comma-separated.'),
  MILLRACE_FILESYSTEM_ROOT: z
    .string()
    .optional()
    .describe('Folder below which `filesystem` connections live; unset refuses them.'),
});

export const executorConfig = defineConfig('executor', {
  MILLRACE_EXECUTOR_WORKERS: positive
    .default(Math.max(1, availableParallelism() - 1))
    .describe('Worker threads of an executor.'),
  MILLRACE_EXECUTOR_WINDOW: positive.default(64).describe('Most page bundles of one run outstanding at a time.'),
  MILLRACE_EXECUTOR_IN_FLIGHT: positive.default(256).describe('Most page bundles leased by one executor at a time.'),
  MILLRACE_SCRIPT_MEMORY_MB: positive.min(16).default(128).describe("Memory of a user's script, in megabytes."),
  MILLRACE_SCRIPT_MS: positive.default(30_000).describe("Longest call of a user's script, in milliseconds."),
  MILLRACE_DRAIN_MS: positive.default(25_000).describe('Time to finish leased work at shutdown, in milliseconds.'),
});

export const retentionConfig = defineConfig('retention', {
  MILLRACE_RETENTION_DAYS: positive.default(30).describe('Days that jobs and errors are kept.'),
});

export const processConfig = defineConfig('process', {
  MILLRACE_INSTANCE: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,60}$/, 'may hold letters, digits, `-` and `_`')
    .default(
      hostname()
        .replace(/[^A-Za-z0-9_-]/g, '-')
        .slice(0, 60) || 'millrace',
    )
    .describe('Name of this process, stable over restarts and unique in the cluster.'),
  MILLRACE_HEALTH_PORT: port
    .default(0)
    .describe('Port of /livez, /readyz and /metrics of a service without an API. 0 picks a free one.'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('pino level.'),
});
