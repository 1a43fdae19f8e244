import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { permissionFlags } from './process-files.js';

const run = promisify(execFile);

/** What the process of an account's scripts may do, tried from within: by someone who broke out of V8. */
async function attempt(statement: string): Promise<string> {
  const source = `try { ${statement}; process.stdout.write('done'); } catch (error) { process.stdout.write(String(error.code)); }`;
  const flags = [...permissionFlags(), '--no-warnings', '--input-type=module', '-e'];
  const { stdout } = await run(process.execPath, [...flags, source], { env: {} });
  return stdout;
}

describe('the process of an account’s scripts', () => {
  it.each([
    ['read files', "(await import('node:fs')).readFileSync('/etc/hosts')"],
    ['list folders', "(await import('node:fs')).readdirSync('/')"],
    ['write files', "(await import('node:fs')).writeFileSync('/tmp/millrace-escape', '')"],
    ['start processes', "(await import('node:child_process')).execFileSync('id')"],
    ['start threads', "new (await import('node:worker_threads')).Worker('', { eval: true })"],
    [
      'connect',
      `await new Promise((resolve, reject) =>
         import('node:net').then(({ connect }) => connect(9, '127.0.0.1').on('connect', resolve).on('error', reject), reject))`,
    ],
    ['load the platform', "await import(process.cwd() + '/dist/libs/security/src/index.js')"],
  ])('may not %s', async (_what, statement) => {
    expect(await attempt(statement)).toBe('ERR_ACCESS_DENIED');
  });

  it('has no environment', async () => {
    expect(await attempt("if (Object.keys(process.env).length > 0) throw { code: 'has some' }")).toBe('done');
  });
});
