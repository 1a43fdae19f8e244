import { mkdir, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { type Failure, PlatformError } from '#failures';

/** Folder of our own inside a user's folder: files being read or written, never listed. */
export const OWN_FOLDER = '.millrace';

/**
 * Finds a folder below the root that operators gave. Paths of users are relative to it, a leading slash included; neither
 * `..` nor a symbolic link leads out of it (P7).
 *
 * @param create makes the folder when it is missing
 */
export async function openFolder(root: string | undefined, path: string, create: boolean): Promise<string | Failure> {
  if (root === undefined) {
    return refuse('not_supported', 'This installation gives no folder to file connections (MILLRACE_FILESYSTEM_ROOT).');
  }
  const parts = path.split(/[\\/]+/).filter((part) => part !== '' && part !== '.');
  if (path.includes('\0') || parts.includes('..') || parts.includes(OWN_FOLDER)) {
    return refuse('invalid_value', `The folder ${JSON.stringify(path)} is not below the root of file connections.`);
  }
  try {
    const base = await realpath(root);
    const wanted = join(base, ...parts);
    // Checked before anything is made: a link on the way must not have folders made behind it.
    const existing = await deepestExisting(wanted);
    if (!isInside(base, existing)) return outside(path);
    if (create) await mkdir(wanted, { recursive: true });
    const real = await realpath(wanted);
    return isInside(base, real) ? real : outside(path);
  } catch (error) {
    return toFileFailure(error, path);
  }
}

/**
 * A file name as one component of a path.
 *
 * @returns null for names that lead elsewhere or cannot exist
 */
export function safeFileName(name: string): string | null {
  const trimmed = name.trim();
  if (trimmed === '' || trimmed === '.' || trimmed === '..' || trimmed === OWN_FOLDER) return null;
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\\/\u0000-\u001f]/.test(trimmed) || Buffer.byteLength(trimmed) > 255) return null;
  return trimmed;
}

export function toFileFailure(error: unknown, what: string): Failure {
  if (error instanceof PlatformError) return refuse(error.code, error.message);
  const { code, message } = error as { code?: unknown; message?: unknown };
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { code: 'not_found', message: `${what} does not exist.`, source: 'resource', classification: 'missing' };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return {
        code: 'forbidden',
        message: `${what} may not be accessed.`,
        source: 'connection',
        classification: 'connection',
      };
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EMFILE':
    case 'EIO':
      return {
        code: 'file_error',
        message: `${what}: ${String(message)}`,
        source: 'application',
        classification: 'intermittent',
      };
    default:
      return { code: 'file_error', message: `${what}: ${String(message)}`, source: 'application' };
  }
}

async function deepestExisting(path: string): Promise<string> {
  for (let current = path; ; current = join(current, '..')) {
    try {
      return await realpath(current);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function isInside(base: string, path: string): boolean {
  const way = relative(base, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

function outside(path: string): Failure {
  return refuse('invalid_value', `The folder ${JSON.stringify(path)} leads out of the root of file connections.`);
}

function refuse(code: string, message: string): Failure {
  return { code, message, source: 'connection', classification: 'connection' };
}
