import { describe, expect, it } from '@jest/globals';
import type { Instruction, Position } from '../program.js';
import { mayGoOn } from './may-go-on.js';

const step = (op: 'lookup' | 'import', next: Position): Instruction =>
  ({ op, stepId: 'a'.repeat(24), step: { kind: op, proceedOnFailure: false }, next }) as Instruction;
const end: Instruction = { op: 'end' };
const fork = (...positions: Position[]): Instruction => ({
  op: 'fork',
  routerId: 'r',
  router: {
    index: 0,
    branches: positions.map((position) => ({ position, copyOffset: 0 })),
    choose: async (records) => records.map(() => []),
  },
});

describe('a page may go on', () => {
  it.each<[string, Instruction[], boolean]>([
    ['not from the end', [end], false],
    ['not from the last import', [step('import', 1), end], false],
    ['from an import that another step follows', [step('import', 1), step('import', 2), end], true],
    ['from an import that a lookup follows', [step('import', 1), step('lookup', 2), end], true],
    ['not from lookups before the last import', [step('lookup', 1), step('lookup', 2), step('import', 3), end], false],
    ['from a lookup before such an import', [step('lookup', 1), step('import', 2), step('import', 3), end], true],
    ['from a router with two branches', [fork(1, 2), step('import', 3), step('import', 3), end], true],
    ['not where all branches but one discard', [fork(1, 2), step('import', 2), end], false],
    ['not where every branch discards', [fork(1, 1), end], false],
    ['where that one branch goes on', [fork(1, 3), step('import', 2), step('import', 3), end], true],
  ])('%s', (_, instructions, expected) => {
    expect(mayGoOn({ instructions, entry: 0 }, 0)).toBe(expected);
  });
});
