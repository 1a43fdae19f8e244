import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Standalone } from '../support/standalone.js';

/** Scripts of resources themselves, not of their flows: `preSave` and `settingsForm.init` (runtime §16.1). */
interface Refused {
  readonly errors: readonly { readonly code: string; readonly message: string; readonly field?: string }[];
}
type Document = Record<string, unknown>;

const password = 'p4ssw0rd-of-the-shop';
const content = `
  function stamp({ newResource, oldResource, sandbox, configuration }) {
    return { ...newResource, description: JSON.stringify({ was: oldResource?.name, sandbox, configuration }) };
  }
  function reveal({ newResource }) { return { ...newResource, description: JSON.stringify(newResource.http.auth) }; }
  function refuse() { throw new Error('Names begin with a capital.'); }
  function text() { return 'no resource'; }
  function list({ newResource }) { return [newResource]; }
  function nothing() {}
  function spoil({ newResource }) { return { ...newResource, disabled: 'perhaps' }; }
  function form({ resource, parentResource, grandparentResource, license, sandbox, configuration }) {
    return { fieldMap: { names: [resource, parentResource, grandparentResource].map((one) => one?.name ?? null) },
      license: license ?? null, sandbox, configuration };
  }
`;

let millrace: Standalone;
let scriptId: string;
beforeAll(async () => {
  millrace = await Standalone.start();
  scriptId = await millrace.api.create('scripts', { name: 'Forms and checks', content });
});
afterAll(() => millrace?.stop());

const preSave = (name: string, more: object = {}) => ({ preSave: { function: name, _scriptId: scriptId, ...more } });
const send = <T = Document>(method: string, path: string, body?: unknown) => millrace.api.send<T>(method, path, body);
const connection = {
  name: 'Shop',
  type: 'http',
  http: {
    baseURI: 'https://shop.example',
    mediaType: 'json',
    auth: { type: 'basic', basic: { username: 'me', password } },
  },
};

/** A valid document of each type that may carry `preSave`. */
async function documentOf(type: string): Promise<Document> {
  if (type === 'connections') return connection;
  if (type === 'flows' || type === 'integrations') return { name: 'A' };
  const _connectionId = await millrace.api.create('connections', connection);
  return type === 'exports'
    ? { name: 'A', _connectionId, http: { relativeURI: '/items' } }
    : { name: 'A', _connectionId, http: { method: ['POST'], relativeURI: ['/items'] } };
}

describe('preSave (runtime §16, §16.1)', () => {
  it.each(['integrations', 'connections', 'exports', 'imports', 'flows'])(
    'makes of %s what is stored, on POST and on PUT',
    async (type) => {
      const sent: Document = { ...(await documentOf(type)), ...preSave('stamp', { configuration: { strict: true } }) };
      const made = await send('POST', `/v1/${type}`, sent);
      expect(made.status).toBe(201);
      const described = (body: Document): unknown => JSON.parse(String(body['description']));
      expect(described(made.body)).toEqual({ sandbox: false, configuration: { strict: true } });
      const path = `/v1/${type}/${String(made.body['_id'])}`;
      const put = await send('PUT', path, { ...sent, name: 'B' });
      expect(put.status).toBe(200);
      const { body } = await send('GET', path);
      expect(body).toMatchObject({ name: 'B', preSave: { function: 'stamp' } });
      expect(described(body)).toEqual({ was: sent['name'], sandbox: false, configuration: { strict: true } });
    },
  );

  it.each([
    ['throws', 'refuse', 'script_error', /begin with a capital/, 'preSave'],
    ['returns a text', 'text', 'invalid_extension_response', /text must return an object/, 'preSave'],
    ['returns a list', 'list', 'invalid_extension_response', /must return an object/, 'preSave'],
    ['returns nothing', 'nothing', 'invalid_extension_response', /must return an object/, 'preSave'],
    ['is not there', 'absent', 'script_function_missing', /absent/, 'preSave'],
    ['returns what is not valid', 'spoil', 'invalid_field_value', /boolean/, 'disabled'],
  ])('a function that %s refuses the request, and nothing is stored', async (_, name, code, message, field) => {
    const made = await send<Refused>('POST', '/v1/flows', { name: `Flow ${name}`, ...preSave(name) });
    expect(made).toMatchObject({ status: 422, body: { errors: [{ code, field }] } });
    expect(made.body.errors[0]?.message).toMatch(message);
    expect((await send<readonly Document[]>('GET', `/v1/flows?name=Flow%20${name}`)).status).toBe(204);

    const id = await millrace.api.create('flows', { name: 'Kept' });
    const put = await send<Refused>('PUT', `/v1/flows/${id}`, { name: 'Lost', ...preSave(name) });
    expect([put.status, put.body.errors[0]?.code]).toEqual([422, code]);
    expect((await send('GET', `/v1/flows/${id}`)).body).toMatchObject({ name: 'Kept' });
  });

  it('can be taken away again whatever it does, and is not asked about a PATCH', async () => {
    const id = await millrace.api.create('integrations', { name: 'A', ...preSave('stamp') });
    const patched = await send('PATCH', `/v1/integrations/${id}`, [
      { op: 'replace', path: '/settings', value: { region: 'EU' } },
    ]);
    expect(patched.status).toBe(204);
    const { status, body } = await send('PUT', `/v1/integrations/${id}`, { name: 'Plain' });
    expect([status, body['description'], body['preSave']]).toEqual([200, undefined, undefined]);
  });

  it.each([
    ['a stub without a function', { preSave: {} }, 201, undefined],
    ['a script that does not exist', { preSave: { function: 'f', _scriptId: 'f'.repeat(24) } }, 422, 'invalid_ref'],
    ['a function of a stack', { preSave: { function: 'f', _stackId: 'f'.repeat(24) } }, 422, 'not_supported'],
  ])('%s', async (_, change, status, code) => {
    const made = await send<Partial<Refused>>('POST', '/v1/flows', { name: 'F', ...change });
    expect([made.status, made.body.errors?.[0]?.code]).toEqual([status, code]);
  });

  it('sees secrets masked, and leaves them as they were sent (resources §1.7)', async () => {
    const made = await send('POST', '/v1/connections', { ...connection, ...preSave('reveal') });
    expect(made.status).toBe(201);
    expect(String(made.body['description'])).toContain('******');
    expect(JSON.stringify(made.body)).not.toContain(password);
  });
});

describe('settingsForm.init (runtime §16.1, formInit)', () => {
  const withForm = (name: string, init: object = { function: 'form', _scriptId: scriptId }) => ({
    name,
    settingsForm: { form: { fieldMap: {} }, init },
  });
  const open = <T = Document>(type: string, id: string) => send<T>('POST', `/v1/${type}/${id}/settingsForm/init`);

  it('gets the resource and the integrations above it', async () => {
    const grandparent = await millrace.api.create('integrations', withForm('Grandparent'));
    const parent = await millrace.api.create('integrations', { ...withForm('Parent'), _parentId: grandparent });
    const flow = await millrace.api.create('flows', { ...withForm('Flow'), _integrationId: parent });
    const asked = [open('flows', flow), open('integrations', parent), open('integrations', grandparent)];
    const answers = await Promise.all(asked);
    expect(answers.map(({ status, body }) => [status, (body['fieldMap'] as { names: unknown }).names])).toEqual([
      [200, ['Flow', 'Parent', 'Grandparent']],
      [200, ['Parent', 'Grandparent', null]],
      [200, ['Grandparent', null, null]],
    ]);
    expect(answers[0]?.body).toMatchObject({ license: null, sandbox: false });
  });

  it('gets its configuration', async () => {
    const init = { function: 'form', _scriptId: scriptId, configuration: { wide: true } };
    const id = await millrace.api.create('flows', withForm('Flow', init));
    expect((await open('flows', id)).body).toMatchObject({ configuration: { wide: true } });
  });

  it('is not needed: the stored form is the answer then', async () => {
    const id = await millrace.api.create('flows', withForm('Flow', {}));
    expect(await open('flows', id)).toMatchObject({ status: 200, body: { fieldMap: {} } });
    const plain = await millrace.api.create('flows', { name: 'Flow' });
    expect(await open('flows', plain)).toMatchObject({ status: 200, body: {} });
  });

  it.each([
    ['refuse', 'script_error'],
    ['text', 'invalid_extension_response'],
  ])('shows why %s gave none', async (name, code) => {
    const id = await millrace.api.create('flows', withForm('Flow', { function: name, _scriptId: scriptId }));
    const { status, body } = await open<Refused>('flows', id);
    expect([status, body.errors[0]?.code, body.errors[0]?.field]).toEqual([422, code, 'settingsForm.init']);
  });

  it('is 404 for what does not exist', async () => {
    expect((await open('flows', 'f'.repeat(24))).status).toBe(404);
  });
});
