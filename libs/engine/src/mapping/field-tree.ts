import { isHostileKey } from '#model';
import { every, parsePath } from '../paths/index.js';
import { MappingCompileError, type FieldPlan } from './plan.js';

type Node = { readonly leaf: FieldPlan } | { readonly members: Map<string, Node>; readonly isIndexed: boolean };

const maxIndex = 10_000;

/** Gathers fields with dotted targets (`a.b`, `items[0].sku`) to a plan of nested objects and arrays. Later ones win. */
export class FieldTree {
  private readonly root = new Map<string, Node>();

  /** @throws MappingCompileError for a malformed target, one with `[*]`, or one that names a prototype */
  add(generate: string, field: FieldPlan): void {
    const segments = parsePath(generate);
    const refuse = () =>
      new MappingCompileError('invalid_value', `The target ${JSON.stringify(generate)} is malformed.`);
    if (segments === null) throw refuse();
    let members = this.root;
    segments.forEach((segment, depth) => {
      if (segment === every || isHostileKey(segment) || (isIndex(segment) && Number(segment) > maxIndex))
        throw refuse();
      if (depth === segments.length - 1) {
        members.delete(segment);
        members.set(segment, { leaf: field });
        return;
      }
      const next = segments[depth + 1];
      const held = members.get(segment);
      if (held !== undefined && 'members' in held) {
        members = held.members;
        return;
      }
      const created = new Map<string, Node>();
      members.set(segment, { members: created, isIndexed: typeof next === 'string' && isIndex(next) });
      members = created;
    });
  }

  plan(): FieldPlan[] {
    return planMembers(this.root);
  }
}

function planMembers(members: ReadonlyMap<string, Node>): FieldPlan[] {
  return Array.from(members, ([name, node]) =>
    'leaf' in node
      ? { ...node.leaf, generate: name }
      : {
          generate: name,
          label: name,
          type: node.isIndexed && [...node.members.keys()].every(isIndex) ? 'indexed' : 'object',
          keepEmpty: false,
          onlyIfPresent: false,
          fields: planMembers(node.members),
        },
  );
}

function isIndex(segment: string): boolean {
  return /^(?:0|[1-9]\d*)$/.test(segment);
}
