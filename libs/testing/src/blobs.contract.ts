import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Blobs } from '#blobs';
import { eventually } from './eventually.js';

/** An empty store, for one test. */
export interface BlobsHarness {
  /** The store as one process sees it; called again, as another process does. */
  open(): Promise<Blobs>;
  /** Closes what is still open, and removes everything. */
  stop(): Promise<void>;
}

const megabyte = 1024 * 1024;

/** What the blob store promises, whatever carries it. Both adapters run these clauses; they define the port. */
export function describeBlobs(name: string, start: () => Promise<BlobsHarness>): void {
  describe(`blobs: ${name}`, () => {
    let harness: BlobsHarness;
    let blobs: Blobs;

    beforeEach(async () => {
      harness = await start();
      blobs = await harness.open();
    });
    afterEach(() => harness.stop());

    async function read(key: string): Promise<string | null> {
      const content = await blobs.get(key);
      return content === null ? null : (await buffer(content)).toString();
    }

    async function keysBelow(prefix: string): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of blobs.list(prefix)) keys.push(key);
      return keys;
    }

    it.each([
      ['bytes', () => text('hello')],
      ['a stream', () => Readable.from([Buffer.from('hel'), Buffer.from('lo')])],
      ['a view into a larger buffer', () => text('>>hello<<').subarray(2, 7)],
    ])('stores %s and gives it back', async (_, content) => {
      const before = Date.now();
      const info = await blobs.put('retry/run-1/step-2/7.json', content());
      expect(info).toEqual({ key: 'retry/run-1/step-2/7.json', bytes: 5, storedAt: expect.any(String) });
      expect(Math.abs(Date.parse(info.storedAt) - before)).toBeLessThan(60_000);
      expect(new Date(info.storedAt).toISOString()).toBe(info.storedAt);
      expect(await read('retry/run-1/step-2/7.json')).toBe('hello');
      expect(await blobs.stat('retry/run-1/step-2/7.json')).toEqual(info);
    });

    it.each([
      ['bytes', () => new Uint8Array(0)],
      ['a stream', () => Readable.from([])],
    ])('stores %s without content', async (_, content) => {
      expect(await blobs.put('empty', content())).toMatchObject({ bytes: 0 });
      expect(await read('empty')).toBe('');
      expect(await blobs.stat('empty')).toMatchObject({ bytes: 0 });
    });

    it('streams large content, in and out, byte for byte', async () => {
      const chunk = Buffer.alloc(300_000).map((_, index) => (index * 7) % 256);
      const chunks = 70;
      const sent = createHash('sha256');
      for (let index = 0; index < chunks; index += 1) sent.update(chunk);

      const info = await blobs.put('large', Readable.from(Array.from({ length: chunks }, () => chunk)));
      expect(info.bytes).toBe(chunk.byteLength * chunks);

      const received = createHash('sha256');
      for await (const part of (await blobs.get('large')) as AsyncIterable<Uint8Array>) received.update(part);
      expect(received.digest('hex')).toBe(sent.digest('hex'));
    });

    it('answers null for what does not exist', async () => {
      expect(await blobs.get('missing')).toBeNull();
      expect(await blobs.stat('missing')).toBeNull();
      await blobs.put('run-1/a', text('x'));
      expect(await blobs.get('run-1')).toBeNull();
      expect(await blobs.stat('run-1/a/b')).toBeNull();
    });

    it('replaces a blob at once when the new content is complete', async () => {
      await blobs.put('a', text('first'));
      const source = new Readable({ read: () => undefined });
      const replaced = blobs.put('a', source);
      source.push('sec');
      expect(await read('a')).toBe('first');
      source.push('ond');
      source.push(null);
      expect(await replaced).toMatchObject({ bytes: 6 });
      expect(await read('a')).toBe('second');
    });

    it('keeps the old blob, and nothing of the new one, when the source fails', async () => {
      await blobs.put('old', text('old'));
      for (const key of ['old', 'new']) {
        const source = Readable.from(failingAfter(2 * megabyte));
        await expect(blobs.put(key, source)).rejects.toThrow('source is gone');
      }
      expect(await read('old')).toBe('old');
      expect(await blobs.get('new')).toBeNull();
      expect(await keysBelow('')).toEqual(['old']);
    });

    it('ends with one whole blob when several processes put the same key', async () => {
      const others = await Promise.all([harness.open(), harness.open()]);
      const contents = ['a', 'b', 'c'].map((letter) => letter.repeat(megabyte));
      await Promise.all([blobs, ...others].map((each, index) => each.put('contended', text(contents[index]!))));
      expect(contents).toContain(await read('contended'));
      expect(await blobs.stat('contended')).toMatchObject({ bytes: megabyte });
    });

    it('is durable when put resolves: a later process reads the blob', async () => {
      await blobs.put('run-1/a', text('kept'));
      await blobs.close();
      blobs = await harness.open();
      expect(await read('run-1/a')).toBe('kept');
    });

    it('deletes, once or twice, and only the blob that is named', async () => {
      await blobs.put('run-1/a', text('a'));
      await blobs.put('run-1/b', text('b'));
      await blobs.delete('run-1/a');
      await blobs.delete('run-1/a');
      await blobs.delete('never/there');
      await blobs.delete('run-1');
      expect(await blobs.get('run-1/a')).toBeNull();
      expect(await blobs.stat('run-1/a')).toBeNull();
      expect(await keysBelow('')).toEqual(['run-1/b']);
      await blobs.put('run-1/a', text('again'));
      expect(await read('run-1/a')).toBe('again');
    });

    it('lists the keys below a prefix, in order of key', async () => {
      const keys = [
        'run-1',
        'run-1/a',
        'run-1/b/1',
        'run-1/b/10',
        'run-1/b/2',
        'run-1-x/a',
        'run-10/a',
        'run-2/z',
        'A',
      ];
      for (const key of keys) await blobs.put(key, text(key));
      const sorted = keys.toSorted();

      expect(await keysBelow('')).toEqual(sorted);
      expect(await keysBelow('run-1')).toEqual(sorted.filter((key) => key.startsWith('run-1')));
      expect(await keysBelow('run-1/')).toEqual(['run-1/a', 'run-1/b/1', 'run-1/b/10', 'run-1/b/2']);
      expect(await keysBelow('run-1/b/1')).toEqual(['run-1/b/1', 'run-1/b/10']);
      expect(await keysBelow('nothing')).toEqual([]);
      for await (const info of blobs.list('')) expect(info).toEqual(await blobs.stat(info.key));
    });

    it('is not disturbed by blobs that are deleted while it lists', async () => {
      for (const key of ['a', 'b', 'c']) await blobs.put(key, text(key));
      const seen: string[] = [];
      for await (const { key } of blobs.list('')) {
        seen.push(key);
        await blobs.delete(key);
      }
      expect(seen[0]).toBe('a');
      expect(await keysBelow('')).toEqual([]);
    });

    it.each(['', '/', '../escape', 'a/../../escape', '/etc/passwd', 'a//b', '.hidden', 'a\\b', 'a\0b', 'a b'])(
      'refuses the key %j in every operation',
      async (key) => {
        await expect(blobs.put(key, text('x'))).rejects.toThrow('key');
        await expect(blobs.get(key)).rejects.toThrow('key');
        await expect(blobs.stat(key)).rejects.toThrow('key');
        await expect(blobs.delete(key)).rejects.toThrow('key');
        if (key !== '') await expect(keysBelow(key)).rejects.toThrow('key');
        expect(await keysBelow('')).toEqual([]);
      },
    );

    it('reads the source no further when the key is refused', async () => {
      const source = Readable.from(['x']);
      await expect(blobs.put('../x', source)).rejects.toThrow('key');
      await eventually('the source is released', () => source.destroyed);
    });

    it('lets a reader stop early', async () => {
      await blobs.put('large', Buffer.alloc(5 * megabyte, 1));
      for await (const part of (await blobs.get('large')) as AsyncIterable<Uint8Array>) {
        expect(part.byteLength).toBeGreaterThan(0);
        break;
      }
      expect(await blobs.stat('large')).toMatchObject({ bytes: 5 * megabyte });
    });

    it('is ready until it is closed', async () => {
      expect(await blobs.isReady()).toBe(true);
      await blobs.close();
      expect(await blobs.isReady()).toBe(false);
      await expect(blobs.put('a', text('x'))).rejects.toThrow();
    });
  });
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

async function* failingAfter(bytes: number): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < bytes; sent += 65_536) yield Buffer.alloc(65_536, 'x');
  throw new Error('source is gone');
}
