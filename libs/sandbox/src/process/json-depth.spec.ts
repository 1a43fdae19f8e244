import { describe, expect, it } from '@jest/globals';
import { depthOf } from './json-depth.js';

describe('the depth of a JSON text', () => {
  it.each([
    ['1', 0],
    ['"[[["', 0],
    ['[]', 1],
    ['[[],[[]]]', 3],
    ['{"a":{"b":[1]},"c":[]}', 3],
    [String.raw`["\"[[[", "\\", [1]]`, 2],
    [String.raw`["\\\"[["]`, 1],
  ])('%s', (json, depth) => {
    JSON.parse(json);
    expect(depthOf(json, 100)).toBe(depth);
  });

  it('is not counted beyond what is asked for', () => {
    expect(depthOf('['.repeat(1e6), 10)).toBe(11);
  });
});
