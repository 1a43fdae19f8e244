import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import { childOf } from '../support/api.js';
import { Standalone } from '../support/standalone.js';

/** Hooks of file exports and imports (runtime §16). */
const content = `
  function semicolons({ preParseData, fileMeta }) {
    return { preParseData: preParseData.replaceAll(';', ','), fileMeta: { ...fileMeta, day: fileMeta.fileName.slice(0, 1) } };
  }
  function refuse({ fileMeta }) { throw new Error('Not ' + fileMeta.fileName); }
  function number() { return 7; }
  function label({ data, files, _integrationId, _parentIntegrationId }) {
    return { data: data.map((record, i) => ({
      ...record, file: files[i].fileMeta.fileName, day: files[i].fileMeta.day, _integrationId, _parentIntegrationId,
    })) };
  }
  function tell({ postAggregateData }) { console.log(JSON.stringify(postAggregateData)); }
  function groups({ data, files }) {
    return { data: data.map((rows, i) => ({ ids: rows.map(({ id }) => id), file: files[i].fileMeta.fileName })) };
  }
`;

let millrace: Standalone;
let root: string;
let files: string;
let scriptId: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-hooks-'));
  millrace = await Standalone.start({ MILLRACE_FILESYSTEM_ROOT: root });
  files = await millrace.api.create('connections', { name: 'Folder', type: 'filesystem', filesystem: {} });
  scriptId = await millrace.api.create('scripts', { name: 'File hooks', content });
});
afterAll(async () => {
  await Promise.all([millrace?.stop(), rm(root, { recursive: true, force: true })]);
});

const hook = (name: string) => ({ function: name, _scriptId: scriptId });
type Records = readonly Record<string, unknown>[];

interface Given {
  readonly input: Readonly<Record<string, string>>;
  readonly source?: object;
  readonly target?: object;
  readonly flow?: object;
}

/** A flow from one folder of CSV files into a JSON file in another. */
async function flowOf(name: string, { input, source = {}, target = {}, flow = {} }: Given) {
  const { api } = millrace;
  await mkdir(join(root, name, 'in'), { recursive: true });
  for (const [file, text] of Object.entries(input)) await writeFile(join(root, name, 'in', file), text);
  const exportId = await api.create('exports', {
    name,
    _connectionId: files,
    adaptorType: 'FileSystemExport',
    filesystem: { directoryPath: `${name}/in` },
    file: { type: 'csv', output: 'records', csv: { hasHeaderRow: true } },
    ...source,
  });
  const importId = await api.create('imports', {
    name,
    _connectionId: files,
    adaptorType: 'FileSystemImport',
    filesystem: { directoryPath: `${name}/out` },
    file: { type: 'json', fileName: 'all.json' },
    ...target,
  });
  const flowId = await api.create('flows', {
    name,
    disabled: false,
    pageGenerators: [{ _exportId: exportId }],
    pageProcessors: [{ type: 'import', _importId: importId }],
    ...flow,
  });
  return { exportId, importId, flowId };
}

const written = async (name: string): Promise<Records> =>
  JSON.parse(await readFile(join(root, name, 'out', 'all.json'), 'utf8')) as Records;

describe('preParse and files of preSavePage', () => {
  it('change the text before it is parsed, and say which file each record came from', async () => {
    const { api } = millrace;
    const parent = await api.create('integrations', { name: 'Parent' });
    const integration = await api.create('integrations', { name: 'Child', _parentId: parent });
    const { flowId } = await flowOf('label', {
      // Pages of two: one ends within a file, one spans two.
      input: { 'a.csv': 'id;n\n1;x\n2;y\n3;z\n', 'b.csv': 'id;n\n4;x\n' },
      source: { pageSize: 2, hooks: { preParse: hook('semicolons'), preSavePage: hook('label') } },
      flow: { _integrationId: integration },
    });
    expect(await api.finished(await api.run(flowId))).toMatchObject({ status: 'completed', numSuccess: 4 });
    const ids = { _integrationId: integration, _parentIntegrationId: parent };
    expect([...(await written('label'))].sort((a, b) => Number(a['id']) - Number(b['id']))).toEqual([
      { id: '1', n: 'x', file: 'a.csv', day: 'a', ...ids },
      { id: '2', n: 'y', file: 'a.csv', day: 'a', ...ids },
      { id: '3', n: 'z', file: 'a.csv', day: 'a', ...ids },
      { id: '4', n: 'x', file: 'b.csv', day: 'b', ...ids },
    ]);
  });

  it('say which file each group came from', async () => {
    const { api } = millrace;
    const { flowId } = await flowOf('groups', {
      input: { 'a.csv': 'id,n\n1,x\n2,x\n3,y\n', 'b.csv': 'id,n\n4,y\n' },
      source: {
        file: { type: 'csv', output: 'records', csv: { hasHeaderRow: true }, groupByFields: ['n'] },
        hooks: { preSavePage: hook('groups') },
      },
    });
    expect(await api.finished(await api.run(flowId))).toMatchObject({ status: 'completed', numSuccess: 3 });
    expect(await written('groups')).toEqual([
      { ids: ['1', '2'], file: 'a.csv' },
      { ids: ['3'], file: 'a.csv' },
      { ids: ['4'], file: 'b.csv' },
    ]);
  });

  it('the envelope of a transform has the file of each record (runtime §7.1, §11)', async () => {
    const { api } = millrace;
    const field = (generate: string, extract: string) => ({ generate, extract, dataType: 'string', status: 'Active' });
    const mappings = [field('id', '$.record.id'), field('file', '$.fileMeta.fileName')];
    const { flowId } = await flowOf('envelope', {
      input: { 'a.csv': 'id\n1\n2\n', 'b.csv': 'id\n3\n' },
      source: {
        pageSize: 2,
        transform: {
          type: 'expression',
          expression: { version: '2', rulesTwoDotZero: { mode: 'create', inputContext: 'envelope', mappings } },
        },
      },
    });
    expect(await api.finished(await api.run(flowId))).toMatchObject({ status: 'completed', numSuccess: 3 });
    expect([...(await written('envelope'))].sort((a, b) => Number(a['id']) - Number(b['id']))).toEqual([
      { id: '1', file: 'a.csv' },
      { id: '2', file: 'a.csv' },
      { id: '3', file: 'b.csv' },
    ]);
  });

  it.each([
    ['throws', 'refuse', 'script_error', /a\.csv: .*Not a\.csv/],
    ['returns something else', 'number', 'invalid_extension_response', /preParseData/],
  ])('a preParse that %s fails the run, and the file stays', async (_, name, code, message) => {
    const { api } = millrace;
    const { flowId, exportId } = await flowOf(name, {
      input: { 'a.csv': 'id\n1\n' },
      source: { hooks: { preParse: hook(name) } },
    });
    const job = await api.finished(await api.run(flowId));
    expect(job).toMatchObject({ status: 'failed' });
    expect(childOf(job, exportId)).toMatchObject({ numSuccess: 0 });
    const [error] = await api.errors(flowId, exportId);
    expect(error).toMatchObject({ code, source: 'pre_parse_hook', message: expect.stringMatching(message) });
    expect(await readdir(join(root, name, 'in'))).toContain('a.csv');
  });

  it('take part in previews', async () => {
    const { status, body } = await millrace.api.send<{ data: Records }>('POST', '/v1/exports/preview', {
      _connectionId: files,
      adaptorType: 'FileSystemExport',
      filesystem: { directoryPath: 'refuse/in' },
      file: { type: 'csv', output: 'records', csv: { hasHeaderRow: true } },
      hooks: { preParse: hook('semicolons'), preSavePage: hook('label') },
    });
    expect({ status, data: body.data }).toEqual({ status: 200, data: [{ id: '1', file: 'a.csv', day: 'a' }] });
  });
});

describe('postAggregate', () => {
  const many = 'id,n\n' + Array.from({ length: 45 }, (_, at) => `${at},x\n`).join('');
  const toldOf = async (flowId: string): Promise<readonly unknown[]> => {
    const { api } = millrace;
    const { logs = [] } = await api.call<{ logs?: { message: string }[] }>(
      'GET',
      `/v1/scripts/${scriptId}/logs?_flowId=${flowId}`,
    );
    return logs.map(({ message }) => JSON.parse(message) as unknown);
  };

  it.each<[string, object, readonly string[]]>([
    ['the file of a run, once it is complete', {}, ['all.json']],
    ['each file, where every page makes one', { skipAggregation: true }, ['all.json', 'all-1.json', 'all-2.json']],
  ])('is told of %s', async (_, file, names) => {
    const { api } = millrace;
    const name = `told-${names.length}`;
    const { flowId } = await flowOf(name, {
      input: { 'a.csv': many },
      source: { pageSize: 15 },
      target: {
        file: { type: 'json', fileName: 'all.json', ...file },
        hooks: { postAggregate: hook('tell') },
      },
    });
    expect(await api.finished(await api.run(flowId))).toMatchObject({ status: 'completed', numSuccess: 45 });
    const sizes = await Promise.all(
      names.map(async (fileName) => ({ fileName, fileSize: (await stat(join(root, name, 'out', fileName))).size })),
    );
    await eventually('the hook was called for each file', async () => (await toldOf(flowId)).length === names.length);
    expect(await toldOf(flowId)).toEqual(
      expect.arrayContaining(
        sizes.map((made) => ({ success: true, _json: { ...made, directoryPath: `${name}/out` } })),
      ),
    );
  });

  it('that throws is an error of its import, and the file stays', async () => {
    const { api } = millrace;
    const { flowId, importId } = await flowOf('untold', {
      input: { 'a.csv': 'id\n1\n' },
      target: { hooks: { postAggregate: hook('refuse') } },
    });
    const job = await api.finished(await api.run(flowId));
    expect(childOf(job, importId)).toMatchObject({ numSuccess: 1, numError: 1 });
    expect(await api.errors(flowId, importId)).toMatchObject([{ source: 'post_aggregate_hook', retriable: false }]);
    expect(await written('untold')).toEqual([{ id: '1' }]);
  });

  it('is told of nothing where nothing was written', async () => {
    const { api } = millrace;
    const { flowId } = await flowOf('nothing', {
      input: { 'a.csv': 'id\n' },
      target: { hooks: { postAggregate: hook('refuse') } },
    });
    expect(await api.finished(await api.run(flowId))).toMatchObject({ status: 'completed', numError: 0 });
  });
});
