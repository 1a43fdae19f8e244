import { describe, expect, it } from '@jest/globals';
import { resourceTypes } from '#model';
import { applyPatch } from './json-patch.js';

const { patchable } = resourceTypes.flows;
const flow = { _id: '1', name: 'F', pageGenerators: [{ _exportId: 'a' }], schedule: '? 0 2 ? * *' };

describe('applyPatch', () => {
  it.each<[string, object[], object]>([
    ['replaces', [{ op: 'replace', path: '/name', value: 'G' }], { name: 'G' }],
    ['sets what is not stored', [{ op: 'replace', path: '/disabled', value: true }], { disabled: true }],
    ['makes parents', [{ op: 'replace', path: '/logging/mode', value: 'basic' }], { logging: { mode: 'basic' } }],
    [
      'goes into arrays',
      [{ op: 'add', path: '/pageGenerators/0/skipRetries', value: true }],
      { pageGenerators: [{ _exportId: 'a', skipRetries: true }] },
    ],
    [
      'does several things',
      [
        { op: 'replace', path: '/name', value: 'G' },
        { op: 'replace', path: '/name', value: 'H' },
      ],
      { name: 'H' },
    ],
    ['leaves what is not there', [{ op: 'remove', path: '/description' }], {}],
    ['does nothing', [], {}],
  ])('%s', (_, patch, change) => expect(applyPatch(flow, patch, patchable)).toEqual({ ...flow, ...change }));

  it('removes', () => {
    expect(applyPatch(flow, [{ op: 'remove', path: '/schedule' }], patchable)).not.toHaveProperty('schedule');
  });

  it('leaves the given document alone', () => {
    applyPatch(flow, [{ op: 'replace', path: '/pageGenerators/0/schedule', value: 'x' }], patchable);
    expect(flow.pageGenerators[0]).toEqual({ _exportId: 'a' });
  });

  it.each([
    '/_id',
    '/_integrationId',
    '/pageGenerators',
    '/pageGenerators/0',
    '/pageGenerators/0/_exportId',
    '/pageGenerators/-/schedule',
    '/pageGenerators/__proto__/schedule',
    '/__proto__',
    '/__proto__/polluted',
    '/constructor/prototype/polluted',
    '/logging/__proto__',
    '/logging/mode/x',
    '/name/',
    'name',
    '',
    '/~0',
  ])('refuses the path "%s" as not whitelisted', (path) => {
    expect(() => applyPatch(flow, [{ op: 'replace', path, value: 1 }], patchable)).toThrow(
      expect.objectContaining({
        status: 422,
        message: expect.stringContaining('is not a whitelisted property'),
      }),
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each<[string, unknown, string]>([
    ['no array', { op: 'replace' }, 'invalid_request'],
    ['no operations', [1], 'invalid_request'],
    ['another operation', [{ op: 'move', path: '/name', from: '/description' }], 'not_allowed'],
    ['no value', [{ op: 'replace', path: '/name' }], 'missing_required_field'],
    ['no such element', [{ op: 'replace', path: '/pageGenerators/7/schedule', value: 'x' }], 'invalid_field_value'],
    ['a path below a text', [{ op: 'replace', path: '/schedule/cron', value: 'x' }], 'invalid_field_value'],
  ])('refuses %s', (_, patch, code) => {
    expect(() => applyPatch(flow, patch, patchable)).toThrow(
      expect.objectContaining({ status: 422, errors: [expect.objectContaining({ code })] }),
    );
  });
});
