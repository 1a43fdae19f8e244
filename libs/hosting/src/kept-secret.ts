import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A secret of an installation that keeps itself: made at the first start, readable by its owner alone.
 *
 * @returns the secret, and whether it was made just now
 */
export async function keptSecret(
  dataDir: string,
  name: string,
  make: () => string,
): Promise<{ readonly value: string; readonly isNew: boolean }> {
  const file = join(dataDir, name);
  try {
    return { value: (await readFile(file, 'utf8')).trim(), isNew: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const value = make();
  await writeFile(file, `${value}\n`, { mode: 0o600, flag: 'wx' });
  return { value, isNew: true };
}
