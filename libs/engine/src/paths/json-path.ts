import {
  FunctionExpressionType,
  JSONPathEnvironment,
  type FilterFunction,
  type JSONPathNode,
  type JSONPathQuery,
  type JSONValue,
} from 'json-p3';
import type { JsonValue } from '#model';
import { PatternError, patternOf, type Pattern } from '../regex/index.js';
import { compileSegments, type Getter } from './getter.js';
import { every, isPlain, parsePath, type Segment } from './segments.js';

/** Depth of `$..x` below which a document is refused; JSON that deep is an attack, not a record. */
const maxRecursionDepth = 1_000;
const environment = new JSONPathEnvironment({ maxRecursionDepth });
environment.functionRegister.set(
  'match',
  matching((pattern) => `^(?:${pattern})$`),
);
environment.functionRegister.set(
  'search',
  matching((pattern) => pattern),
);

/** The standard's functions over patterns, in linear time; what is no pattern matches nothing (RFC 9535 §2.4.6). */
function matching(anchor: (pattern: string) => string): FilterFunction {
  return {
    argTypes: [FunctionExpressionType.ValueType, FunctionExpressionType.ValueType],
    returnType: FunctionExpressionType.LogicalType,
    call: (text, pattern) =>
      typeof text === 'string' && typeof pattern === 'string' && (patternOrNull(anchor(pattern))?.test(text) ?? false),
  };
}

function patternOrNull(source: string): Pattern | null {
  try {
    return patternOf(source, 'u');
  } catch (error) {
    if (error instanceof PatternError) return null;
    throw error;
  }
}

/** Most matches of one query: `$..*..*` over a large record would otherwise not end in memory. */
const maxMatches = 200_000;

/**
 * Compiles a query of the JSONPath library.
 *
 * @returns a function from a document to its matches, which throws RangeError when there are more than 200,000; null when
 *   the path is malformed
 */
export function compileQuery(
  path: string,
): { readonly singular: boolean; readonly match: (value: unknown) => readonly JSONPathNode[] } | null {
  let query: JSONPathQuery;
  try {
    query = environment.compile(path);
  } catch {
    return null;
  }
  return {
    singular: query.singularQuery(),
    match: (value) => {
      const nodes: JSONPathNode[] = [];
      for (const node of query.lazyQuery(value as JSONValue)) {
        if (nodes.length === maxMatches) throw new RangeError(`The path ${path.slice(0, 200)} matches too much.`);
        nodes.push(node);
      }
      return nodes;
    },
  };
}

/** What a `$` path gives: one value at most, or a list of any length. */
export interface JsonPath {
  /** Present when the path is plain members and `[*]`; compilers inline these. */
  readonly segments?: readonly Segment[];
  /** True when the path can match at most one value. */
  readonly singular: boolean;
  /** All matches in document order. */
  readonly select: (value: unknown) => readonly JsonValue[];
  /** The match of a singular path, else the array of all matches. */
  readonly get: Getter;
}

/**
 * Compiles a path that starts with `$`: RFC 9535, plus the shorthand `$.[Field Name]` of extracts. Plain member paths do
 * not touch the JSONPath library; others throw RangeError for a record that matches too often or is nested too deep.
 *
 * @returns null when the path is malformed
 */
export function compileJsonPath(path: string): JsonPath | null {
  const simple = parseJsonPath(path);
  if (simple !== null) {
    const get = compileSegments(simple);
    if (isPlain(simple)) {
      return {
        segments: simple,
        singular: true,
        get,
        select: (value) => {
          const found = get(value);
          return found === undefined ? [] : [found];
        },
      };
    }
    return { segments: simple, singular: false, get, select: (value) => get(value) as readonly JsonValue[] };
  }
  const query = compileQuery(path);
  if (query === null) return null;
  const { singular } = query;
  const select = (value: unknown): readonly JsonValue[] =>
    value === undefined ? [] : query.match(value).map((node) => node.value as JsonValue);
  return { singular, select, get: singular ? (value) => select(value)[0] : select };
}

const rest = /^\$(?:\.(?!\.))?/;

/** Segments of `$`, `$.a.b`, `$[0]['x y'].c`, `$.a[*].b`; null for everything that needs the library, or is malformed. */
export function parseJsonPath(path: string): readonly Segment[] | null {
  const body = path.replace(rest, '');
  if (body === '') return path === '$' ? [] : null;
  if (!/^\$[.[]/.test(path)) return null;
  // Unions, slices, filters, functions, negative indices and descendants are the library's.
  if (/\.\.|\[\s*\?|\[\s*-|\[[^'"\]]*[:,]|\['[^\]]*',|\["[^\]]*",|[()@]/.test(body)) return null;
  const segments = parsePath(body);
  if (segments === null) return null;
  return segments.some((segment) => segment !== every && segment === '') ? null : segments;
}
