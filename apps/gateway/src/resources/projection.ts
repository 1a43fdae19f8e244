import { isHostileKey, isRecord, type JsonRecord } from '#model';
import { badQuery } from '../http/refusals.js';

/** Paths to keep or to leave out; null keeps everything. */
export type Projection = { readonly include: readonly string[] } | { readonly exclude: readonly string[] } | null;

/** Stay whatever was asked. Reference: resources §1.5. */
const always = ['_id', 'name', 'adaptorType', 'type'];

export function parseProjection(include: string | undefined, exclude: string | undefined): Projection {
  const included = paths(include, 'include');
  const excluded = paths(exclude, 'exclude');
  if (included && excluded) throw badQuery('Give either include or exclude, not both.');
  if (included) return { include: included };
  return excluded ? { exclude: excluded } : null;
}

function paths(text: string | undefined, name: string): string[] | null {
  if (text === undefined || text === '') return null;
  if (!/^[A-Za-z0-9._,]+$/.test(text))
    throw badQuery(`${name} holds letters, digits, dots, underscores and commas.`, name);
  const list = text.split(',').filter((path) => path !== '' && !path.split('.').some(isHostileKey));
  return list.length === 0 ? null : list;
}

/** Applies a projection; paths go through arrays, element by element. */
export function project(document: JsonRecord, projection: Projection): JsonRecord {
  if (!projection) return document;
  if ('include' in projection) return kept(document, treeOf([...always, ...projection.include])) as JsonRecord;
  return left(document, treeOf(projection.exclude.filter((path) => !always.includes(path)))) as JsonRecord;
}

/** Nested names; an empty tree is the end of a path. */
type Tree = ReadonlyMap<string, Tree>;

function treeOf(list: readonly string[]): Tree {
  const root = new Map<string, Tree>();
  for (const path of list) {
    let node = root;
    for (const segment of path.split('.').filter((part) => part !== '')) {
      const next = (node.get(segment) as Map<string, Tree> | undefined) ?? new Map<string, Tree>();
      node.set(segment, next);
      node = next;
    }
  }
  return root;
}

function kept(value: unknown, tree: Tree): unknown {
  if (tree.size === 0) return value;
  if (Array.isArray(value)) return value.map((element: unknown) => kept(element, tree));
  if (!isRecord(value)) return undefined;
  const copy: Record<string, unknown> = {};
  for (const [name, below] of tree) {
    const member = Object.hasOwn(value, name) ? kept(value[name], below) : undefined;
    if (member !== undefined) copy[name] = member;
  }
  return copy;
}

function left(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) return value.map((element: unknown) => left(element, tree));
  if (!isRecord(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const below = tree.get(name);
    if (below === undefined) copy[name] = member;
    else if (below.size > 0) copy[name] = left(member, below);
  }
  return copy;
}
