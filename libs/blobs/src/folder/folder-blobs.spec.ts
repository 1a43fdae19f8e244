import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FolderBlobs } from './folder-blobs.js';

describe('FolderBlobs', () => {
  let base: string;
  let folder: string;
  let blobs: FolderBlobs;

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'millrace-blobs-'));
    folder = join(base, 'blobs');
    blobs = await FolderBlobs.open({ folder });
    await mkdir(join(base, 'outside'));
    await writeFile(join(base, 'outside', 'secret'), 'secret');
  });
  afterEach(() => rm(base, { recursive: true }));

  async function listed(): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of blobs.list('')) keys.push(key);
    return keys;
  }

  it('does not follow a symbolic link that stands for a blob', async () => {
    await symlink(join(base, 'outside', 'secret'), join(folder, 'link'));
    expect(await blobs.get('link')).toBeNull();
    expect(await blobs.stat('link')).toBeNull();
    expect(await listed()).toEqual([]);

    await blobs.put('link', Buffer.from('new'));
    expect(await readFile(join(base, 'outside', 'secret'), 'utf8')).toBe('secret');
  });

  it('does not follow a symbolic link that stands for a folder', async () => {
    await symlink(join(base, 'outside'), join(folder, 'run~'));
    expect(await blobs.get('run/secret')).toBeNull();
    expect(await blobs.stat('run/secret')).toBeNull();
    await blobs.delete('run/secret');
    await expect(blobs.put('run/new', Buffer.from('new'))).rejects.toThrow();
    expect(await readdir(join(base, 'outside'))).toEqual(['secret']);
  });

  it('leaves no folders and no unfinished content behind', async () => {
    await blobs.put('a/b/c', Buffer.from('x'));
    await blobs.delete('a/b/c');
    const failing = new Readable({ read: () => failing.destroy(new Error('gone')) });
    await expect(blobs.put('d', failing)).rejects.toThrow('gone');
    expect(await readdir(folder)).toEqual(['.unfinished']);
    expect(await readdir(join(folder, '.unfinished'))).toEqual([]);
  });

  it('removes what a dead process left unfinished a day ago, and keeps what may be in use', async () => {
    const old = join(folder, '.unfinished', 'old');
    await writeFile(old, 'x');
    await writeFile(join(folder, '.unfinished', 'recent'), 'x');
    const twoDaysAgo = new Date(Date.now() - 48 * 60 * 60 * 1_000);
    await utimes(old, twoDaysAgo, twoDaysAgo);
    await FolderBlobs.open({ folder });
    expect(await readdir(join(folder, '.unfinished'))).toEqual(['recent']);
  });

  it('survives deletes that empty the folder of a blob being put', async () => {
    const rounds = 50;
    await Promise.all(
      Array.from({ length: rounds }, async (_, index) => {
        await blobs.put(`run/${index}`, Buffer.from('x'));
        await blobs.delete(`run/${index}`);
      }),
    );
    expect(await listed()).toEqual([]);
  });

  it('is not ready when its folder is gone', async () => {
    await rm(folder, { recursive: true });
    expect(await blobs.isReady()).toBe(false);
  });
});
