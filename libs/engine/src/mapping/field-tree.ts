import { isHostileKey } from '#model';
import { every, parsePath } from '../paths/index.js';
import { MappingCompileError, type Assignment, type FieldPlan, type ObjectPlan } from './plan.js';

type Node = { readonly leaf: FieldPlan } | { readonly members: Map<string, Node>; readonly isIndexed: boolean };

/** Gaps of an array are filled, so its largest index is its size. */
const maxIndex = 10_000;

/**
 * Gathers fields with dotted targets (`a.b`, `items[0].sku`) to a plan of nested objects and arrays; where targets overlap,
 * to assignments in order.
 */
export class FieldTree {
  private readonly root = new Map<string, Node>();
  private readonly assignments: Assignment[] = [];
  private overlaps = false;

  /** @throws MappingCompileError for a malformed target, one with `[*]`, or one that names a prototype */
  add(target: string, field: FieldPlan, ignoreIfSet = false): void {
    const segments = parseTarget(target);
    this.assignments.push({ target, field, ignoreIfSet });
    let members = this.root;
    segments.forEach((segment, depth) => {
      const held = members.get(segment);
      const next = segments[depth + 1];
      if (next === undefined) {
        if (held === undefined) members.set(segment, { leaf: field });
        else this.overlaps = true;
        return;
      }
      if (held === undefined) {
        const created = new Map<string, Node>();
        members.set(segment, { members: created, isIndexed: isIndex(next) });
        members = created;
      } else if ('members' in held && held.isIndexed === isIndex(next)) {
        members = held.members;
      } else {
        this.overlaps = true;
        members = new Map();
      }
    });
  }

  plan(): ObjectPlan {
    return this.overlaps ? { kind: 'assignments', assignments: this.assignments } : planMembers(this.root);
  }
}

function parseTarget(target: string): readonly string[] {
  const refuse = () => new MappingCompileError('invalid_value', `The target ${JSON.stringify(target)} is malformed.`);
  const segments = parsePath(target);
  if (segments === null) throw refuse();
  return segments.map((segment) => {
    if (segment === every || isHostileKey(segment) || (isIndex(segment) && Number(segment) > maxIndex)) throw refuse();
    return segment;
  });
}

function planMembers(members: ReadonlyMap<string, Node>): ObjectPlan {
  const fields = Array.from(members, ([name, node]): FieldPlan =>
    'leaf' in node
      ? { ...node.leaf, generate: name }
      : {
          generate: name,
          label: name,
          type: node.isIndexed ? 'indexed' : 'object',
          keepEmpty: false,
          discardEmpty: false,
          onlyIfPresent: false,
          members: planMembers(node.members),
        },
  );
  return { kind: 'fields', fields };
}

function isIndex(segment: string): boolean {
  return /^(?:0|[1-9]\d*)$/.test(segment);
}
