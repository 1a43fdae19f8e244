import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LookupAnswer, LookupQuestion } from '#engine';
import type { Import, JsonRecord, Lookup } from '#model';
import type { StepContext } from '../ports.js';
import { HttpTestBed, ids } from '../testing/http-test-bed.js';
import { httpAdaptor } from './index.js';

type HttpImport = NonNullable<Import['http']>;

let bed: HttpTestBed;
beforeEach(async () => {
  bed = await HttpTestBed.start();
});
afterEach(() => bed.stop());

const CUSTOMER: Lookup = { name: 'customer', relativeURI: '/customers/{{record.id}}', extract: 'key' };

async function resolve(
  lookups: readonly Lookup[],
  questions: readonly LookupQuestion[],
  options: { http?: HttpImport; context?: Partial<StepContext> } = {},
): Promise<readonly LookupAnswer[]> {
  const step = { _id: 'import1', name: 'import', lookups, http: options.http ?? {} } as Import & { _id: string };
  return httpAdaptor.createDestination(step, bed.host).resolveLookups!(questions, bed.context(options.context));
}

const ask = (lookup: string, ...records: readonly JsonRecord[]): LookupQuestion[] =>
  records.map((record) => ({ lookup, record }));

describe('a dynamic lookup over HTTP (runtime §14)', () => {
  it('answers every question, and sends equal requests once', async () => {
    bed.app.answer(({ path }) => ({ body: { key: path.split('/').at(-1) } }));
    const questions = ask('customer', { id: 1 }, { id: 2 }, { id: 1, other: true });
    expect(await resolve([CUSTOMER], questions)).toEqual([{ matches: ['1'] }, { matches: ['2'] }, { matches: ['1'] }]);
    expect(bed.app.requests.map(({ path }) => path).sort()).toEqual(['/customers/1', '/customers/2']);
  });

  it('keeps two lookups with one request apart', async () => {
    bed.app.answer({ body: { key: 'k', name: 'n' } });
    const questions = [...ask('customer', { id: 1 }), ...ask('name', { id: 1 })];
    expect(await resolve([CUSTOMER, { ...CUSTOMER, name: 'name', extract: 'name' }], questions)).toEqual([
      { matches: ['k'] },
      { matches: ['n'] },
    ]);
  });

  it.each<[string, string | undefined, unknown, unknown[]]>([
    ['a field', 'key', { key: 7 }, [7]],
    ['false and zero', 'key', { key: 0 }, [0]],
    ['a path into a list', 'items[0].id', { items: [{ id: 1 }, { id: 2 }] }, [1]],
    ['every element', 'items[*].id', { items: [{ id: 1 }, { id: 2 }] }, [1, 2]],
    ['JSONPath', '$.items[?(@.ok)].id', { items: [{ id: 1 }, { id: 2, ok: true }] }, [2]],
    ['the answer itself', undefined, { id: 1 }, [{ id: 1 }]],
    ['a list as matches', undefined, [{ id: 1 }, { id: 2 }], [{ id: 1 }, { id: 2 }]],
    ['an empty list', undefined, [], []],
    ['a missing field', 'key', {}, []],
    ['null', 'key', { key: null }, []],
    ['an empty text', 'key', { key: '' }, []],
  ])('finds %s', async (_, extract, body, matches) => {
    bed.app.answer({ body });
    const lookup = { name: 'l', relativeURI: '/l', ...(extract === undefined ? {} : { extract }) };
    expect(await resolve([lookup], ask('l', {}))).toEqual([{ matches }]);
  });

  it.each([
    ['404', { status: 404, body: { message: 'no such customer' } }],
    ['204', { status: 204 }],
  ])('finds nothing where the application answers %s', async (_, answer) => {
    bed.app.answer(answer);
    expect(await resolve([CUSTOMER], ask('customer', { id: 1 }))).toEqual([{ matches: [] }]);
  });

  it.each<[string, 'body' | 'postBody']>([
    ['body', 'body'],
    ['postBody', 'postBody'],
  ])('sends method, headers and %s as templates over the record', async (_, field) => {
    bed.app.answer({ body: { key: 1 } });
    const lookup: Lookup = {
      name: 'l',
      method: 'POST',
      relativeURI: '/search',
      headers: [{ name: 'X-Region', value: '{{settings.flow.region}}' }],
      [field]: '{"mail":"{{record.mail}}","state":"{{lookup "states" record.st}}"}',
      extract: 'key',
    };
    const states: Lookup = { name: 'states', map: { tx: 'Texas' } };
    const context = { settings: { flow: { region: 'eu' } } };
    await resolve([lookup, states], ask('l', { mail: 'a"b', st: 'tx' }), { context });
    expect(bed.app.requests).toMatchObject([
      { method: 'POST', path: '/search', headers: { 'x-region': 'eu' }, json: { mail: 'a"b', state: 'Texas' } },
    ]);
  });

  it('sends a body as the media type of the connection, where the step names none', async () => {
    bed.app.answer({ body: { key: 1 } });
    const form = bed.reconnect({ mediaType: 'urlencoded' });
    const lookups: Lookup[] = [{ name: 'l', method: 'POST', relativeURI: '/s', body: 'mail={{record.mail}}' }];
    const step = { _id: 'import1', name: 'import', lookups, http: {} } as Import & { _id: string };
    const destination = httpAdaptor.createDestination(step, form.host);
    await destination.resolveLookups!(ask('l', { mail: 'a&b' }), form.context());
    expect(bed.app.requests).toMatchObject([
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'mail=a%26b' },
    ]);
  });

  it.each<[string, object, object]>([
    ['an error status', { status: 422, body: { message: 'no' } }, { code: '422' }],
    ['half a JSON', { body: '{"key":' }, { code: 'parse_error' }],
    ['refused credentials', { status: 401 }, { code: '401', classification: 'connection' }],
  ])('fails with source lookup for %s, each question for itself', async (_, answer, failure) => {
    bed.app.answer(({ path }) => (path.endsWith('1') ? answer : { body: { key: 2 } }));
    expect(await resolve([CUSTOMER], ask('customer', { id: 1 }, { id: 2 }))).toMatchObject([
      { failure: { ...failure, source: 'lookup', message: expect.stringContaining('The lookup customer failed') } },
      { matches: [2] },
    ]);
  });

  it('fails where its address cannot be rendered', async () => {
    expect(await resolve([CUSTOMER], ask('customer', {}))).toMatchObject([
      { failure: { code: 'handlebars_template_parse_error', source: 'lookup' } },
    ]);
    expect(bed.app.requests).toEqual([]);
  });

  it('repeats what a read may repeat, under permits of the connection', async () => {
    bed.app.answerInTurn({ status: 503 }, { body: { key: 1 } });
    expect(await resolve([CUSTOMER], ask('customer', { id: 1 }))).toEqual([{ matches: [1] }]);
    expect(bed.host.limits).toMatchObject({ held: 0, peak: 1 });
  });

  it('has a bound on requests under way', async () => {
    bed.app.answer({ body: { key: 1 } });
    await resolve([CUSTOMER], ask('customer', ...ids(1, 200)));
    expect(bed.app.requests).toHaveLength(200);
    expect(bed.host.limits.peak).toBeLessThanOrEqual(64);
  });

  it('of a lookup cache is refused when the import is compiled', async () => {
    const cached: Lookup = { name: 'l', _lookupCacheId: 'a'.repeat(24) };
    await expect(resolve([cached], [])).rejects.toMatchObject({ code: 'not_supported' });
  });
});
