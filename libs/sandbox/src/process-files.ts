import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/** Read to choose the binary of isolated-vm. */
const libcMark = '/etc/alpine-release';

/** The process is always started from what was built, also by tests that run from the sources. */
const home = new URL(import.meta.url.replace(/\/libs\/sandbox\/src\/[^/]*\.ts$/, '/dist/libs/sandbox/src/_'));

export const processEntry = new URL('./process/main.js', home);

/** Should a script ever break out of V8: the process may read its own code, and nothing else of the machine. */
export function permissionFlags(): string[] {
  return ['--permission', '--allow-addons', ...readableFiles().map((path) => `--allow-fs-read=${path}`)];
}

function readableFiles(): string[] {
  const root = fileURLToPath(new URL('../../../..', home));
  const packages = ['isolated-vm', 'dayjs', 'sjcl', 'node-gyp-build'].map((name) =>
    dirname(require.resolve(`${name}/package.json`)),
  );
  return [fileURLToPath(new URL('.', home)), `${root}package.json`, ...packages, libcMark];
}
