import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeBlobs } from '#testing/blobs.contract';
import { FolderBlobs } from './folder-blobs.js';

describeBlobs('folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-blobs-'));
  return {
    open: () => FolderBlobs.open({ folder: join(folder, 'blobs') }),
    stop: () => rm(folder, { recursive: true }),
  };
});
