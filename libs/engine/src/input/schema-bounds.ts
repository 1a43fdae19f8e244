import { isRecord } from '#model';
import { own } from '../paths/index.js';

/** A schema that is not taken. The message is for its author. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/** Characters of a schema's JSON. */
const maxLength = 32 * 1024;
/** Subschemas and other values that one check may have to look at, references unfolded. */
const maxUnfolded = 2_000;
const maxDepth = 32;
const dialect = 'https://json-schema.org/draft/2020-12/schema';

/** Keywords of which each member is a schema. */
const schemaMaps = new Set(['properties', 'patternProperties', 'dependentSchemas', 'dependencies']);
/** Likewise, but they are looked at only where something refers to them. */
const definitions = new Set(['$defs', 'definitions']);
const schemaLists = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);
const schemas = new Set([
  'items',
  'additionalProperties',
  'unevaluatedItems',
  'unevaluatedProperties',
  'contains',
  'propertyNames',
  'not',
  'if',
  'then',
  'else',
  'contentSchema',
]);
/** They change what references mean. */
const refused = new Set(['$id', '$anchor', '$dynamicRef', '$dynamicAnchor', '$recursiveRef', '$recursiveAnchor']);

/**
 * Bounds a schema of a user, who may be hostile (P7): with references unfolded, so that a few lines cannot ask for an
 * endless check, and without any that lead out of it or back to itself. Every subschema is then applied at most once to
 * every value of an input.
 *
 * @throws SchemaError
 */
export function boundSchema(schema: unknown): void {
  if (!isRecord(schema)) throw new SchemaError('The schema must be an object.');
  if (JSON.stringify(schema).length > maxLength)
    throw new SchemaError(`The schema may have ${maxLength} characters at most.`);
  const named = schema['$schema'];
  if (named !== undefined && named !== dialect && named !== `${dialect}#`)
    throw new SchemaError(`The dialect of the schema must be ${dialect}.`);
  new Unfolding(schema).measure(schema, 0);
}

class Unfolding {
  readonly #sizes = new Map<object, number>();
  readonly #open = new Set<object>();

  constructor(private readonly root: Readonly<Record<string, unknown>>) {}

  /** Values that checking with a schema may look at, for one value of the input. */
  measure(schema: unknown, depth: number): number {
    // What is neither an object nor a boolean is no schema, which the schema of schemas says better.
    if (!isRecord(schema)) return 1;
    const known = this.#sizes.get(schema);
    if (known !== undefined) return known;
    if (depth > maxDepth) throw new SchemaError(`The schema may be nested ${maxDepth} deep at most.`);
    if (this.#open.has(schema)) throw new SchemaError('The schema must not refer to itself.');
    this.#open.add(schema);
    let size = 1;
    for (const [keyword, value] of Object.entries(schema)) {
      size += this.#sizeOf(keyword, value, depth + 1);
      if (size > maxUnfolded)
        throw new SchemaError(`The schema, with its references unfolded, may hold ${maxUnfolded} values at most.`);
    }
    this.#open.delete(schema);
    this.#sizes.set(schema, size);
    return size;
  }

  #sizeOf(keyword: string, value: unknown, depth: number): number {
    if (refused.has(keyword)) throw new SchemaError(`The keyword ${keyword} is not supported.`);
    if (keyword === '$ref') return this.measure(this.#resolve(value), depth);
    if (schemas.has(keyword)) return this.measure(value, depth);
    if (schemaLists.has(keyword) && Array.isArray(value)) return this.#sum(value, depth);
    if (isRecord(value)) {
      if (Object.hasOwn(value, '__proto__')) throw new SchemaError('A property must not be named __proto__.');
      if (schemaMaps.has(keyword)) return this.#sum(Object.values(value), depth);
      if (definitions.has(keyword)) {
        this.#sum(Object.values(value), depth);
        return 0;
      }
    }
    return countValues(value);
  }

  #sum(list: readonly unknown[], depth: number): number {
    return list.reduce<number>(
      (sum, member) => sum + (Array.isArray(member) ? countValues(member) : this.measure(member, depth)),
      0,
    );
  }

  /** Reference: JSON Pointer (RFC 6901) in a fragment. */
  #resolve(reference: unknown): unknown {
    if (typeof reference !== 'string' || !/^#(?:\/|$)/.test(reference))
      throw new SchemaError('A $ref must lead to a place in the schema itself, such as #/$defs/name.');
    let at: unknown = this.root;
    for (const token of reference.split('/').slice(1)) {
      at = own(at, decodeToken(token));
    }
    if (!isRecord(at) && typeof at !== 'boolean') throw new SchemaError(`${reference} leads to no schema.`);
    return at;
  }
}

function decodeToken(token: string): string {
  try {
    return decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    throw new SchemaError(`${token} is no part of a JSON pointer.`);
  }
}

function countValues(value: unknown): number {
  let count = 0;
  const left: unknown[] = [value];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    count += 1;
    if (typeof next === 'object' && next !== null) left.push(...(Object.values(next) as unknown[]));
  }
  return count;
}
