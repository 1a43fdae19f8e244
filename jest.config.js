import { readdirSync } from 'node:fs';

// Our own `#lib` imports by name: packages have subpath imports of their own.
const libs = readdirSync(new URL('libs', import.meta.url)).join('|');

/**
 * Jest runs the TypeScript sources as native ESM. `#lib` subpath imports resolve to the sources here and to `dist`
 * in production; a worker thread started by a test loads `dist`, so run `npm run build` before tests that start one.
 */
const source = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
  moduleNameMapper: {
    [`^#(${libs})$`]: '<rootDir>/libs/$1/src/index.ts',
    [`^#(${libs})/(.+)$`]: '<rootDir>/libs/$1/src/$2.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.millrace/', '<rootDir>/.brokers/'],
};

export default {
  globalSetup: '<rootDir>/tools/jest/global-setup.mjs',
  globalTeardown: '<rootDir>/tools/jest/global-teardown.mjs',
  testTimeout: 60_000,
  projects: [
    {
      ...source,
      displayName: 'unit',
      testMatch: ['<rootDir>/{apps,libs,tools}/**/*.spec.ts'],
      testPathIgnorePatterns: [...source.testPathIgnorePatterns, '\\.(contract|cluster)\\.spec\\.ts$'],
    },
    { ...source, displayName: 'contract', testMatch: ['<rootDir>/libs/**/*.contract.spec.ts'] },
    { ...source, displayName: 'contract-cluster', testMatch: ['<rootDir>/libs/**/*.cluster.spec.ts'] },
    { ...source, displayName: 'e2e', testMatch: ['<rootDir>/tests/e2e/**/*.spec.ts'] },
    { ...source, displayName: 'cluster', testMatch: ['<rootDir>/tests/cluster/**/*.spec.ts'] },
  ],
};
