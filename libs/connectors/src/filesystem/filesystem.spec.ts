import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FileText, ImportOutcome } from '#engine';
import type { Failure } from '#failures';
import type { Export, Import, JsonRecord, JsonValue } from '#model';
import { createStepContext, createTestHost, type TestHost } from '#testing/connector-host';
import { ids, readAll, type ReadResult } from '../testing/http-test-bed.js';
import type { Cursor, StepContext } from '../ports.js';
import { filesystemAdaptor } from './index.js';

type FileExport = NonNullable<Export['file']>;
type FileImport = NonNullable<Import['file']>;

const connection = { _id: 'fs1', name: 'fs', type: 'filesystem' as const, filesystem: {} };
let root: string;
let host: TestHost;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-fs-'));
  await mkdir(join(root, 'in'));
  host = createTestHost({ filesystemRoot: root });
});
afterEach(() => rm(root, { recursive: true, force: true }));

const put = (name: string, content: string | Buffer): Promise<void> => writeFile(join(root, 'in', name), content);
const contextOf = (runId = 'run1'): StepContext => {
  const context = createStepContext(connection);
  return { ...context, run: { ...context.run, runId } };
};

async function read(
  file: FileExport = {},
  options: {
    step?: Partial<Export>;
    cursor?: Cursor | null;
    runId?: string;
    directoryPath?: string;
    preParse?: StepContext['preParse'];
  } = {},
): Promise<ReadResult> {
  const step = {
    _id: 'e1',
    name: 'e',
    ...options.step,
    filesystem: { directoryPath: options.directoryPath ?? '/in' },
    file: { skipDelete: true, ...file },
  } as Export & { _id: string };
  const context = contextOf(options.runId);
  return readAll(
    filesystemAdaptor
      .createSource(step, host)
      .read(
        options.cursor ?? null,
        options.preParse === undefined ? context : { ...context, preParse: options.preParse },
      ),
  );
}

describe('JSON files', () => {
  it.each<[string, string, string | Buffer, FileExport, unknown]>([
    ['an array', 'a.json', '[{"id":1},{"id":2}]', {}, ids(1, 2)],
    ['an object', 'a.json', '{"id":1}', {}, ids(1, 1)],
    ['lines', 'a.jsonl', '{"id":1}\n{"id":2}\r\n\n', {}, ids(1, 2)],
    ['lines under another name', 'a.json', '{"id":1}\n{"id":2}', {}, ids(1, 2)],
    ['a resource path', 'a.json', '{"d":{"items":[{"id":1}]}}', { json: { resourcePath: 'd.items' } }, ids(1, 1)],
    [
      'JSONPath',
      'a.json',
      '{"d":[{"id":1,"ok":true},{"id":2}]}',
      { json: { resourcePath: '$.d[?(@.ok)]' } },
      [{ id: 1, ok: true }],
    ],
    ['a byte order mark', 'a.json', '\ufeff[{"id":1}]', {}, ids(1, 1)],
    ['gzip', 'a.json.gz', gzipSync('[{"id":1}]'), { compressionFormat: 'gzip' }, ids(1, 1)],
    ['UTF-16', 'a.json', Buffer.from('\ufeff[{"n":"é"}]', 'utf16le'), { encoding: 'utf-16le' }, [{ n: 'é' }]],
    ['Windows-1252', 'a.json', Buffer.from('[{"n":"\x80"}]', 'latin1'), { encoding: 'win1252' }, [{ n: '€' }]],
    ['an empty file', 'a.json', '', {}, []],
    ['a type that the name does not tell', 'data', '[{"id":1}]', { type: 'json' }, ids(1, 1)],
  ])('%s', async (_what, name, content, file, records) => {
    await put(name, content);
    expect(await read(file)).toMatchObject({ records, failure: null });
  });

  it('a bad line fails alone', async () => {
    await put('a.jsonl', '{"id":1}\nnonsense\n{"id":2}');
    const { records, chunks, failure } = await read();
    expect({ records, failure }).toEqual({ records: ids(1, 2), failure: null });
    expect(chunks[0]?.failures).toMatchObject([
      { code: 'parse_error', classification: 'parse', message: expect.stringContaining('nonsense') as unknown },
    ]);
  });

  it('a file that is none ends the export, after the files before it, and stays', async () => {
    await put('a.json', '[{"id":1}]');
    await put('b.json', '[{"id":2},');
    await put('c.json', '[{"id":3}]');
    const { records, failure } = await read({ skipDelete: false });
    expect(records).toEqual(ids(1, 1));
    expect(failure).toMatchObject({
      code: 'parse_error',
      source: 'resource',
      message: expect.stringContaining('b.json') as unknown,
    });
    expect((await readdir(join(root, 'in'))).filter((name) => name.endsWith('.json'))).toEqual(['b.json', 'c.json']);
  });

  describe('larger than memory should hold', () => {
    const huge = async (
      name: string,
      head: string,
      item: (n: number) => string,
      separator: string,
      tail: string,
      count: number,
    ): Promise<void> => {
      const out = createWriteStream(join(root, 'in', name));
      out.write(head);
      for (let from = 1; from <= count; from += 1000) {
        const part = Array.from({ length: 1000 }, (_, i) => item(from + i)).join(separator);
        if (!out.write(part + (from + 1000 <= count ? separator : ''))) await once(out, 'drain');
      }
      out.end(tail);
      await once(out, 'finish');
    };
    const item = (n: number): string => `{"id":${n},"pad":"${'x'.repeat(900)}"}`;
    it.each<[string, string, string, string, FileExport]>([
      ['an array', '[', ',', ']', {}],
      ['an array inside', '{"meta":{"n":1},"d":{"items":[', ',', ']}}', { json: { resourcePath: 'd.items' } }],
      ['lines', '', '\n', '\n', {}],
    ])('%s streams through, and goes on from any chunk', async (_what, head, separator, tail, file) => {
      await huge('a.json', head, item, separator, tail, 20_000);
      const whole = await read(file);
      expect(whole.failure).toBeNull();
      expect(whole.records.map((record) => (record as JsonRecord)['id'])).toEqual(
        Array.from({ length: 20_000 }, (_, i) => i + 1),
      );
      expect(Math.max(...whole.chunks.map(({ records }) => records.length))).toBeLessThanOrEqual(2_000);
      const middle = whole.chunks[Math.floor(whole.chunks.length / 2)]!;
      const rest = await read(file, { cursor: JSON.parse(JSON.stringify(middle.next)) as Cursor });
      const read1 = whole.chunks
        .slice(0, whole.chunks.indexOf(middle) + 1)
        .reduce((sum, { records }) => sum + records.length, 0);
      expect(rest.records.length).toBe(20_000 - read1);
      expect((rest.records[0] as JsonRecord)['id']).toBe(read1 + 1);
    });

    it('a cut off array is a failure', async () => {
      await huge('a.json', '[', item, ',', ',', 20_000);
      expect((await read()).failure).toMatchObject({ code: 'parse_error' });
    });
  });

  it('a record over 5 MB fails alone', async () => {
    await put('a.json', JSON.stringify([{ id: 1 }, { id: 2, blob: 'x'.repeat(5_500_000) }, { id: 3 }]));
    const { records, chunks } = await read();
    expect(records).toEqual([{ id: 1 }, { id: 3 }]);
    expect(chunks.flatMap(({ failures }) => failures)).toMatchObject([{ code: 'record_too_large' }]);
  });
});

describe('CSV files', () => {
  it.each<[string, string, NonNullable<FileExport['csv']>, unknown]>([
    ['with a header', 'a,b\n1,"x, ""y"""\n', { hasHeaderRow: true }, [{ a: '1', b: 'x, "y"' }]],
    ['without', '1,2\n', {}, [{ Column0: '1', Column1: '2' }]],
    ['CRLF', 'a,b\r\n1,2\r\n', { hasHeaderRow: true }, [{ a: '1', b: '2' }]],
    ['another delimiter', 'a;b\n1;2\n', { hasHeaderRow: true, columnDelimiter: ';' }, [{ a: '1', b: '2' }]],
    ['tabs', 'a\tb\n1\t2\n', { hasHeaderRow: true, columnDelimiter: '\\t' }, [{ a: '1', b: '2' }]],
    [
      'another row delimiter',
      'a,b|1,2|3,4',
      { hasHeaderRow: true, rowDelimiter: '|' },
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    ['rows to skip', 'report\nof today\na,b\n1,2\n', { hasHeaderRow: true, rowsToSkip: 2 }, [{ a: '1', b: '2' }]],
    ['blanks', ' a , b \n 1 , 2 \n', { hasHeaderRow: true, trimSpaces: true }, [{ a: '1', b: '2' }]],
    [
      'quotes as text',
      '"a","b"\n"1","x ""y"\n',
      { hasHeaderRow: true, disableQuoteAndStripEnclosingQuotes: true },
      [{ a: '1', b: 'x ""y' }],
    ],
    ['short rows', 'a,b\n1\n', { hasHeaderRow: true }, [{ a: '1' }]],
    ['line breaks in values', 'a,b\n1,"x\ny"\n', { hasHeaderRow: true }, [{ a: '1', b: 'x\ny' }]],
    ['a byte order mark', '\ufeffa,b\n1,2\n', { hasHeaderRow: true }, [{ a: '1', b: '2' }]],
    ['nothing', '', { hasHeaderRow: true }, []],
  ])('%s', async (_what, content, csv, records) => {
    await put('a.csv', content);
    expect(await read({ csv })).toMatchObject({ records, failure: null });
  });

  it('a row with too many values fails alone', async () => {
    await put('a.csv', 'a,b\n1,2\n1,2,3\n3,4\n');
    const { records, chunks } = await read({ csv: { hasHeaderRow: true } });
    expect(records).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '4' },
    ]);
    expect(chunks[0]?.failures).toMatchObject([{ code: 'parse_error', source: 'resource' }]);
  });

  it('goes on from any chunk', async () => {
    await put(
      'a.csv',
      `id,pad\n${Array.from({ length: 9_000 }, (_, i) => `${i + 1},"${'y'.repeat(100)}"`).join('\n')}\n`,
    );
    const csv = { hasHeaderRow: true };
    const whole = await read({ csv });
    expect(whole.chunks.length).toBeGreaterThan(3);
    let before = 0;
    for (const chunk of whole.chunks.slice(0, -1)) {
      before += chunk.records.length;
      expect((await read({ csv }, { cursor: chunk.next })).records).toEqual(whole.records.slice(before));
    }
  });
});

describe('the size of a chunk (runtime §2: pages are bounded by it)', () => {
  const rows = Array.from({ length: 6_000 }, (_, id) => ({ id: `${id}`, pad: 'x'.repeat(500) }));
  const csv = `id,pad\n${rows.map(({ id, pad }) => `${id},${pad}`).join('\n')}`;
  const lines = rows.map((row) => JSON.stringify(row)).join('\n');
  const keep: StepContext['preParse'] = async (file) => file;

  it.each<[string, string, string | Buffer, FileExport, StepContext['preParse']]>([
    ['a JSON array', 'a.json', JSON.stringify(rows), {}, undefined],
    ['JSON lines', 'a.jsonl', lines, {}, undefined],
    ['CSV', 'a.csv', csv, { csv: { hasHeaderRow: true } }, undefined],
    ['compressed JSON', 'a.json.gz', gzipSync(JSON.stringify(rows)), { compressionFormat: 'gzip' }, undefined],
    [
      'compressed CSV',
      'a.csv.gz',
      gzipSync(csv),
      { compressionFormat: 'gzip', csv: { hasHeaderRow: true } },
      undefined,
    ],
    ['what preParse returned', 'a.json', JSON.stringify(rows), {}, keep],
  ])('is never far below that of its records: %s', async (_, name, content, file, preParse) => {
    await put(name, content);
    const { chunks, records } = await read(file, preParse === undefined ? {} : { preParse });
    expect(records).toHaveLength(rows.length);
    for (const chunk of chunks) {
      const bytes = Buffer.byteLength(JSON.stringify(chunk.records));
      expect(2 * chunk.bytes + 1_024).toBeGreaterThanOrEqual(bytes);
    }
  });
});

describe('preParse (runtime §16)', () => {
  const maxText = 5 * 1024 * 1024;
  const seen: FileText[] = [];
  const upper: StepContext['preParse'] = async (file) => {
    seen.push(file);
    return { preParseData: file.preParseData.toUpperCase(), fileMeta: { ...file.fileMeta, label: 'seen' } };
  };
  beforeEach(() => void seen.splice(0));

  it.each<[string, string, string | Buffer, FileExport, unknown]>([
    ['CSV', 'a.csv', 'a,b\nx,y\n', { csv: { hasHeaderRow: true } }, [{ A: 'X', B: 'Y' }]],
    ['JSON', 'a.json', '[{"a":"x"}]', {}, [{ A: 'X' }]],
    ['what was compressed', 'a.json.gz', gzipSync('[{"a":"x"}]'), { compressionFormat: 'gzip' }, [{ A: 'X' }]],
    ['another encoding', 'a.json', Buffer.from('[{"n":"é"}]', 'utf16le'), { encoding: 'utf-16le' }, [{ N: 'É' }]],
    ['an empty file', 'a.csv', '', {}, []],
  ])('changes the text of %s before it is parsed', async (_, name, content, file, records) => {
    await put(name, content);
    const result = await read(file, { preParse: upper });
    expect(result).toMatchObject({ records, failure: null });
    expect(seen).toMatchObject([{ fileMeta: { fileName: name } }]);
    expect(result.chunks[0]?.fileMeta).toMatchObject({ fileName: name, label: 'seen' });
  });

  it('gets the text without its byte order mark', async () => {
    await put('a.json', '\ufeff[]');
    await read({}, { preParse: upper });
    expect(seen[0]?.preParseData).toBe('[]');
  });

  it('is called for each file; its failure ends the export and says in which', async () => {
    for (const name of ['a.json', 'b.json', 'c.json']) await put(name, '[{"id":1}]');
    const failure: Failure = { code: 'bad', message: 'no header', source: 'pre_parse_hook' };
    const preParse: StepContext['preParse'] = async (file) =>
      file.fileMeta['fileName'] === 'b.json' ? { failure } : file;
    const { records, failure: end } = await read({ skipDelete: false }, { preParse });
    expect(records).toEqual(ids(1, 1));
    expect(end).toEqual({ ...failure, message: 'b.json: no header' });
    expect(await readdir(join(root, 'in'))).toEqual(['.millrace', 'b.json', 'c.json']);
  });

  it.each([
    ['5 MB', maxText, null],
    ['more', maxText + 1, 'file_too_large'],
  ])('takes a file of at most 5 MB: %s', async (_, size, code) => {
    await put('a.csv', 'x'.repeat(size));
    const { failure } = await read({}, { preParse: async ({ fileMeta }) => ({ preParseData: '', fileMeta }) });
    expect(failure?.code ?? null).toBe(code);
  });

  it('is asked again when a reading goes on in the middle of a file', async () => {
    await put('a.csv', Array.from({ length: 5_000 }, (_, id) => `${id}`).join('\n'));
    const whole = await read({}, { preParse: upper });
    expect(whole.chunks.length).toBeGreaterThan(1);
    const rest = await read({}, { preParse: upper, cursor: whole.chunks[0]!.next });
    expect(rest.records).toEqual(whole.records.slice(whole.chunks[0]!.records.length));
    expect(seen).toHaveLength(2);
  });

  it('is not asked for a list of files', async () => {
    await put('a.json', '[]');
    await read({ output: 'metadata' }, { preParse: upper });
    expect(seen).toEqual([]);
  });
});

describe('a folder', () => {
  it("is read in the order of names, with the file's data beside the records", async () => {
    await put('b.json', '[{"id":2}]');
    await put('a.json', '[{"id":1}]');
    await utimes(join(root, 'in', 'a.json'), 1_700_000_000, 1_700_000_000);
    const { records, chunks } = await read();
    expect(records).toEqual(ids(1, 2));
    expect(chunks[0]?.fileMeta).toEqual({ fileName: 'a.json', fileSize: 10, lastModifiedTime: 1_700_000_000_000 });
  });

  it("is filtered by names, case sensitive, and by the files' data", async () => {
    for (const name of ['order-1.json', 'order-2.json', 'Order-3.json', 'order-4.txt', 'x.json'])
      await put(name, `[{"id":"${name}"}]`);
    await put('order-5.json', `[{"id":"${'z'.repeat(100)}"}]`);
    const { records } = await read({
      fileNameStartsWith: 'order-',
      fileNameEndsWith: '.json',
      filter: {
        type: 'expression',
        expression: { version: '1', rules: ['lessthan', ['number', ['extract', 'fileSize']], 50] },
      },
    });
    expect(records).toEqual([{ id: 'order-1.json' }, { id: 'order-2.json' }]);
  });

  it('can be listed only', async () => {
    await put('a.json', 'whatever');
    const { records } = await read({ output: 'metadata', skipDelete: false });
    expect(records).toMatchObject([{ fileName: 'a.json', fileSize: 8 }]);
    expect(await readdir(join(root, 'in'))).toEqual(['a.json']);
  });

  it('may be empty', async () => {
    const { chunks, failure } = await read();
    expect({ failure, last: chunks.at(-1)?.next }).toEqual({ failure: null, last: null });
  });

  it('loses the files that were read, unless they are to stay', async () => {
    await put('a.json', '[{"id":1}]');
    await put('b.json', '[{"id":2}]');
    await read({ skipDelete: true });
    expect(await readdir(join(root, 'in'))).toEqual(['a.json', 'b.json']);
    expect((await read({ skipDelete: false })).records).toEqual(ids(1, 2));
    expect(await readdir(join(root, 'in'))).toEqual(['.millrace']);
    expect((await read({ skipDelete: false }, { runId: 'run2' })).records).toEqual([]);
  });

  it('moves them to the backup folder', async () => {
    await put('a.json', '[{"id":1}]');
    await mkdir(join(root, 'done'));
    await writeFile(join(root, 'done', 'a.json'), 'older');
    await read({ skipDelete: false, backupPath: 'done' });
    expect(await readFile(join(root, 'done', 'a.json'), 'utf8')).toBe('[{"id":1}]');
    expect(await readdir(join(root, 'done'))).toEqual(['a.json']);
    expect(await readdir(join(root, 'in'))).toEqual(['.millrace']);
  });

  it('can be read again by the same run after a crash, from the start or from any cursor (P1)', async () => {
    for (const n of [1, 2, 3]) await put(`${n}.json`, `[{"id":${n}}]`);
    const first = await read({ skipDelete: false });
    expect(first.records).toEqual(ids(1, 3));
    expect((await read({ skipDelete: false })).records).toEqual(ids(1, 3));
    expect((await read({ skipDelete: false }, { cursor: first.chunks[0]!.next })).records).toEqual(ids(2, 3));
  });

  it('forgets for good what older runs have read', async () => {
    await put('a.json', '[{"id":1}]');
    await read({ skipDelete: false });
    const parked = join(root, 'in', '.millrace', 'read', 'e1', 'run1');
    await utimes(parked, 1_700_000_000, 1_700_000_000);
    await read({ skipDelete: false }, { runId: 'run2' });
    expect(await readdir(join(root, 'in', '.millrace', 'read', 'e1'))).toEqual([]);
  });

  it.each<[string, string, object]>([
    ['a missing one', 'nowhere', { code: 'not_found', classification: 'missing' }],
    ['..', '../', { code: 'invalid_value' }],
    ['.. further down', 'in/../../etc', { code: 'invalid_value' }],
    ['.. with backslashes', 'in\\..\\..\\etc', { code: 'invalid_value' }],
    ['our own', 'in/.millrace', { code: 'invalid_value' }],
    ['a link that leads out', 'out', { code: 'invalid_value' }],
    ['below a link that leads out', 'out/etc', { code: 'invalid_value' }],
  ])('refuses %s', async (_what, directoryPath, failure) => {
    await symlink('/', join(root, 'out'));
    expect((await read({}, { directoryPath })).failure).toMatchObject(failure);
  });

  it('leaves links to files alone', async () => {
    await symlink('/etc/passwd', join(root, 'in', 'a.json'));
    expect(await read()).toMatchObject({ records: [], failure: null });
  });

  it('is refused where the operator gives none', async () => {
    host = createTestHost();
    expect((await read()).failure).toMatchObject({ code: 'not_supported', source: 'connection' });
    expect(await filesystemAdaptor.ping(connection, host, new AbortController().signal)).toMatchObject({ code: 422 });
  });

  it('pings', async () => {
    const { signal } = new AbortController();
    expect(
      await filesystemAdaptor.ping({ ...connection, filesystem: { ping: { directoryPath: 'in' } } }, host, signal),
    ).toEqual({ code: 200 });
    expect(
      await filesystemAdaptor.ping({ ...connection, filesystem: { ping: { directoryPath: 'nope' } } }, host, signal),
    ).toMatchObject({ code: 404 });
  });

  it('marks where another file begins, so that no group of rows goes on into it (runtime §7.2)', async () => {
    const many = ids(1, 2_001);
    await put('a.json', JSON.stringify(many));
    await put('b.json', JSON.stringify(ids(1, 1)));
    const { chunks } = await read({ groupByFields: ['id'] });
    expect(chunks.map(({ breaksGroup, records }) => [breaksGroup, records.length])).toEqual([
      [true, 2_000],
      [undefined, 1],
      [true, 1],
    ]);
    const resumed = await read({ groupByFields: ['id'] }, { cursor: chunks[0]!.next });
    expect(resumed.chunks.map(({ breaksGroup }) => breaksGroup)).toEqual([undefined, true]);
  });

  it.each<[string, FileExport, Partial<Export>]>([
    ['XLSX', { type: 'xlsx' }, {}],
    ['zip', { compressionFormat: 'zip' }, {}],
    ['PGP', { decrypt: 'pgp' }, {}],
    ['sorting', { sortByFields: [{ field: 'a' }] }, {}],
    ['delta', {}, { type: 'delta' }],
  ])('%s is refused when the export is compiled', async (_what, file, step) => {
    await expect(read(file, { step })).rejects.toMatchObject({ code: 'not_supported' });
  });
});

describe('an import', () => {
  const out = (name: string): Promise<string> => readFile(join(root, 'out', name), 'utf8');
  const visible = async (): Promise<string[]> =>
    (await readdir(join(root, 'out'))).filter((name) => !name.startsWith('.')).sort();

  async function submit(
    file: FileImport,
    mapped: readonly JsonValue[],
    options: { page?: number; runId?: string; directoryPath?: string; fresh?: boolean } = {},
  ): Promise<readonly ImportOutcome[]> {
    const step = {
      _id: 'i1',
      name: 'i',
      filesystem: { directoryPath: options.directoryPath ?? 'out' },
      file,
    } as Import & { _id: string };
    const destination = filesystemAdaptor.createDestination(step, host);
    const prepared = mapped.map((value, index) => ({ index, record: value, mapped: value }));
    return destination.submit({ generator: 'e1', page: options.page ?? 0 }, prepared, contextOf(options.runId));
  }

  it.each<[string, FileImport, string]>([
    ['a JSON array', { fileName: 'a.json', type: 'json' }, '[\n{"id":1},\n{"id":2},\n{"id":3}\n]\n'],
    ['JSON lines', { fileName: 'a.jsonl', type: 'json' }, '{"id":1}\n{"id":2}\n{"id":3}\n'],
    ['CSV', { fileName: 'a.csv', type: 'csv' }, 'id\n1\n2\n3\n'],
    [
      'CSV without a header, quoted, CRLF',
      { fileName: 'a.csv', type: 'csv', csv: { includeHeader: false, wrapWithQuotes: true, rowDelimiter: '\\r\\n' } },
      '"1"\r\n"2"\r\n"3"\r\n',
    ],
    [
      'CSV with more headers and no last line break',
      { fileName: 'a.csv', type: 'csv', csv: { customHeaderRows: ['report'], truncateLastRowDelimiter: true } },
      'report\nid\n1\n2\n3',
    ],
  ])('collects the pages of a run into one file: %s', async (_what, file, content) => {
    expect(await submit(file, ids(1, 2), { page: 0 })).toMatchObject([
      { statusCode: 200, id: file.fileName },
      { statusCode: 200 },
    ]);
    await submit(file, ids(3, 3), { page: 1 });
    expect(await out(file.fileName)).toBe(content);
    expect(await visible()).toEqual([file.fileName]);
  });

  it('gzip: members follow each other', async () => {
    const file: FileImport = { fileName: 'a.jsonl.gz', type: 'json', compressionFormat: 'gzip' };
    await submit(file, ids(1, 1), { page: 0 });
    await submit(file, ids(2, 2), { page: 1 });
    expect(gunzipSync(await readFile(join(root, 'out', 'a.jsonl.gz'))).toString()).toBe('{"id":1}\n{"id":2}\n');
  });

  it('a page that comes again changes nothing, also in another process and after a torn write', async () => {
    const file: FileImport = { fileName: 'a.json', type: 'json' };
    await submit(file, ids(1, 1), { page: 0 });
    await submit(file, ids(2, 2), { page: 1 });
    await submit(file, ids(2, 2), { page: 1 });
    await writeFile(join(root, 'out', 'a.json'), `${await out('a.json')} torn`);
    expect(await submit(file, ids(1, 1), { page: 0 })).toMatchObject([{ statusCode: 200 }]);
    await submit(file, ids(3, 3), { page: 2 });
    expect(JSON.parse(await out('a.json'))).toEqual(ids(1, 3));
  });

  it('pages written at the same time all arrive', async () => {
    const file: FileImport = { fileName: 'a.jsonl', type: 'json' };
    const clock = Object.assign(host.clock, { sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) });
    host = Object.assign(host, { clock });
    await Promise.all(Array.from({ length: 10 }, (_, page) => submit(file, ids(page, page), { page })));
    const lines = (await out('a.jsonl'))
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: number }).id);
    expect(lines.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('another run gets a file of its own', async () => {
    const file: FileImport = { fileName: 'a.json', type: 'json' };
    await submit(file, ids(1, 1), { runId: 'run1' });
    await submit(file, ids(2, 2), { runId: 'run2' });
    expect(await visible()).toEqual(['a-1.json', 'a.json']);
    expect(JSON.parse(await out('a-1.json'))).toEqual(ids(2, 2));
  });

  it('one file per page when it is told so', async () => {
    const file: FileImport = { fileName: 'p-{{record.id}}.json', type: 'json', skipAggregation: true };
    await submit(file, ids(1, 2), { page: 0 });
    await submit(file, ids(3, 3), { page: 1 });
    await submit(file, ids(3, 3), { page: 1 });
    expect(await visible()).toEqual(['p-1.json', 'p-3.json']);
  });

  it('CSV: a record with a column the file does not have fails, and is not cut', async () => {
    const file: FileImport = { fileName: 'a.csv', type: 'csv' };
    await submit(
      file,
      [
        { a: 1, b: { c: 1 } },
        { a: 'x\ty', b: null },
      ],
      { page: 0 },
    );
    expect(await submit(file, [{ a: 2 }, { a: 3, z: 1 }, 'text'], { page: 1 })).toMatchObject([
      { statusCode: 200 },
      { statusCode: 422, failures: [{ code: 'invalid_record' }] },
      { statusCode: 422, failures: [{ code: 'invalid_record' }] },
    ]);
    expect(await out('a.csv')).toBe('a,b\n1,"{""c"":1}"\nx\ty,\n2,\n');
  });

  it.each([
    ['../escape.json', 'out'],
    ['a/b.json', 'out'],
    ['..', 'out'],
    ['.millrace', 'out'],
    ['', 'out'],
    ['a\u0000.json', 'out'],
    [`${'x'.repeat(300)}.json`, 'out'],
    ['a.json', '../out'],
    ['a.json', 'link'],
  ])('refuses the name %j in %s', async (name, directoryPath) => {
    await symlink('/tmp', join(root, 'link'));
    const [outcome] = await submit({ fileName: '{{record.name}}', type: 'json' }, [{ name }], { directoryPath });
    expect(outcome?.failures?.[0]?.code).toBe('invalid_value');
  });

  it("does not write through a link in the file's place", async () => {
    await mkdir(join(root, 'out'));
    await writeFile(join(root, 'victim'), 'precious');
    await symlink(join(root, 'victim'), join(root, 'out', 'a.json'));
    await submit({ fileName: 'a.json', type: 'json' }, ids(1, 1));
    expect(await readFile(join(root, 'victim'), 'utf8')).toBe('precious');
    expect(await visible()).toEqual(['a-1.json', 'a.json']);
  });

  it.each<[string, FileImport]>([
    ['XML', { fileName: 'a', type: 'xml' }],
    ['aggregation by key', { fileName: 'a', type: 'json', aggregation: { type: 'key' } }],
    ['encryption', { fileName: 'a', type: 'json', encrypt: true }],
  ])('%s is refused when the import is compiled', async (_what, file) => {
    await expect(submit(file, ids(1, 1))).rejects.toMatchObject({ code: 'not_supported' });
  });
});
