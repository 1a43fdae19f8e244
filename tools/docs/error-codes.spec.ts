import { readFileSync } from 'node:fs';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { errorCodesPage } from './error-codes.js';

const root = join(import.meta.dirname, '../..');

describe('docs/errors.md', () => {
  it('is what `npm run docs` makes of the registry', () => {
    expect(readFileSync(join(root, 'docs/errors.md'), 'utf8')).toBe(errorCodesPage());
  });

  it('knows every module that registers codes', () => {
    const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
    const files = globSync('{apps,libs}/**/src/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.spec.ts'));
    const areas = files.flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/= defineCodes\(\s*'([^']+)'/g)].map((match) => match[1]),
    );
    expect(areas.length).toBeGreaterThan(4);
    for (const area of areas) expect(page).toContain(`## ${area}\n`);
  });
});
