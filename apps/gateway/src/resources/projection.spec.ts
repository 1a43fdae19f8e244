import { describe, expect, it } from '@jest/globals';
import { ApiError } from '#failures';
import { parseProjection, project } from './projection.js';

const flow = {
  _id: '1',
  name: 'F',
  disabled: false,
  logging: { mode: 'basic', debugUntil: 'x' },
  pageGenerators: [{ _exportId: 'a', schedule: 's' }, { _exportId: 'b' }],
};

describe('project', () => {
  it.each([
    [undefined, undefined, flow],
    ['', '', flow],
    ['disabled', undefined, { _id: '1', name: 'F', disabled: false }],
    ['logging.mode', undefined, { _id: '1', name: 'F', logging: { mode: 'basic' } }],
    ['nothing', undefined, { _id: '1', name: 'F' }],
    [
      'pageGenerators._exportId',
      undefined,
      { _id: '1', name: 'F', pageGenerators: [{ _exportId: 'a' }, { _exportId: 'b' }] },
    ],
    ['__proto__,constructor.name,disabled', undefined, { _id: '1', name: 'F', disabled: false }],
    [undefined, 'pageGenerators,logging', { _id: '1', name: 'F', disabled: false }],
    [
      undefined,
      '_id,name,disabled,logging.mode,pageGenerators.schedule',
      {
        _id: '1',
        name: 'F',
        logging: { debugUntil: 'x' },
        pageGenerators: [{ _exportId: 'a' }, { _exportId: 'b' }],
      },
    ],
  ])('include=%s exclude=%s', (include, exclude, expected) => {
    expect(project(flow, parseProjection(include, exclude))).toEqual(expected);
  });

  it.each([
    ['a', 'b'],
    ['a-b', undefined],
    [undefined, 'a;b'],
    ['a b', undefined],
  ])('refuses include=%s exclude=%s with 400', (include, exclude) => {
    const refusal = expect.objectContaining({ status: 400 }) as unknown as ApiError;
    expect(() => parseProjection(include, exclude)).toThrow(refusal);
  });
});
