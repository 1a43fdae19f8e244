import type { PageProgram, Position } from '../program.js';

/**
 * Whether `runPage` could ever answer with a continuation for a page at the position, whatever lookups, functions and
 * destinations say: behind an import that is not the last step, or at a router with more than one branch to go on in.
 */
export function mayGoOn({ instructions }: PageProgram, position: Position): boolean {
  const isEnd = (at: Position): boolean => (instructions[at]?.op ?? 'end') === 'end';
  let at = position;
  for (;;) {
    const instruction = instructions[at];
    if (instruction === undefined || instruction.op === 'end') return false;
    if (instruction.op === 'import') return !isEnd(instruction.next);
    if (instruction.op === 'lookup') {
      at = instruction.next;
      continue;
    }
    const onward = instruction.router.branches.filter((branch) => !isEnd(branch.position));
    if (onward.length !== 1) return onward.length > 1;
    at = onward[0]!.position;
  }
}
