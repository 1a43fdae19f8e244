import { describe, expect, it } from '@jest/globals';
import {
  accountsConfig,
  apiConfig,
  brokersConfig,
  ConfigError,
  loadConfig,
  securityConfig,
  storageConfig,
} from './index.js';

const problemsOf = (load: () => unknown): readonly string[] => {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((p) => p.name);
    throw error;
  }
  return [];
};

describe('configuration', () => {
  it('has a default for everything that has a sensible one', () => {
    const { api, storage } = loadConfig({ api: apiConfig, storage: storageConfig }, {});
    expect(api).toEqual({
      PORT: 3000,
      MILLRACE_HOST: '0.0.0.0',
      MILLRACE_API_RATE: { capacity: 1000, refillPerSecond: 300 },
    });
    expect(storage.MILLRACE_DATA_DIR).toBe('.millrace');
  });

  it('names every problem of every section at once', () => {
    expect(
      problemsOf(() =>
        loadConfig(
          { api: apiConfig, brokers: brokersConfig, accounts: accountsConfig },
          { PORT: 'x', MILLRACE_TOKEN: 'short' },
        ),
      ),
    ).toEqual(['PORT', 'NATS_URL', 'KAFKA_BROKERS', 'MILLRACE_TOKEN']);
  });

  it('never shows a value, which may be a secret', () => {
    let message = '';
    try {
      loadConfig({ accounts: accountsConfig }, { MILLRACE_TOKEN: 'hunter2' });
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('MILLRACE_TOKEN');
    expect(message).not.toContain('hunter2');
  });

  it.each([
    ['off', null],
    ['10,5', { capacity: 10, refillPerSecond: 5 }],
  ])('reads the API rate %s', (text, expected) => {
    expect(loadConfig({ api: apiConfig }, { MILLRACE_API_RATE: text }).api.MILLRACE_API_RATE).toEqual(expected);
  });

  it('reads accounts and lists', () => {
    expect(
      loadConfig({ accounts: accountsConfig }, { MILLRACE_ACCOUNTS: 'a:0123456789abcdef,b:fedcba9876543210' }).accounts
        .MILLRACE_ACCOUNTS,
    ).toEqual([
      { name: 'a', token: '0123456789abcdef' },
      { name: 'b', token: 'fedcba9876543210' },
    ]);
    expect(
      loadConfig({ s: securityConfig }, { MILLRACE_EGRESS_ALLOW: '127.0.0.0/8, 10.0.0.0/8' }).s.MILLRACE_EGRESS_ALLOW,
    ).toEqual(['127.0.0.0/8', '10.0.0.0/8']);
  });

  it('treats an empty variable as unset', () => {
    expect(loadConfig({ api: apiConfig }, { PORT: '' }).api.PORT).toBe(3000);
  });
});
