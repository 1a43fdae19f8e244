import { readdirSync, readFileSync } from 'node:fs';
import { stepResult } from '#contracts';
import { describe, expect, it } from '@jest/globals';
import { decodeResult, isPoison } from './decode-result.js';

const golden = new URL('../../../../libs/contracts/golden/', import.meta.url);
const documents = readdirSync(golden)
  .filter((file) => file.startsWith('step-results.'))
  .map((file) => [file, JSON.parse(readFileSync(new URL(file, golden), 'utf8')) as Record<string, unknown>] as const);

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
/** What a broken producer could put in a field's place. */
const oddities: readonly unknown[] = [undefined, null, '', 'x', -1, 1.5, 2 ** 60, true, [], {}, [null], ['x'], [{}]];

/** Every way to replace one member, at any depth, by one odd value. */
function* mutations(
  value: unknown,
  path: readonly (string | number)[] = [],
): Generator<readonly [string, (root: unknown) => unknown]> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    for (const odd of oddities) {
      yield [
        `${[...path, name].join('.')} = ${JSON.stringify(odd) ?? 'undefined'}`,
        (root) => replace(root, [...path, name], odd),
      ];
    }
    yield* mutations(member, [...path, name]);
  }
}

function replace(root: unknown, path: readonly (string | number)[], odd: unknown): unknown {
  const copy: unknown = structuredClone(root);
  let at = copy as Record<string | number, unknown>;
  for (const name of path.slice(0, -1)) at = at[name] as Record<string | number, unknown>;
  at[path.at(-1) ?? ''] = odd;
  return copy;
}

describe('decoding a step result by hand', () => {
  it.each(documents)('reads %s as the contract does', (_, document) => {
    expect(decodeResult(bytes(document))).toEqual(stepResult.decode(bytes(document)));
  });

  /**
   * Whatever the hand-written check lets through, the schema lets through; it refuses a little more (times, sizes). One
   * exception: an error without `retryRecord` is read as one that cannot be retried, rather than losing its page.
   */
  it.each(documents)('lets nothing through that the contract refuses, for any field of %s', (_, document) => {
    for (const [what, mutate] of mutations(document)) {
      const odd = mutate(document);
      const isValid = stepResult.schema.safeParse(JSON.parse(JSON.stringify(odd))).success;
      const isLetThrough = !isPoison(decodeResult(bytes(odd)));
      if (what.endsWith('.retryRecord = undefined')) continue;
      if (isLetThrough && !isValid) throw new Error(`${what} was let through`);
    }
  });

  it.each([
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x00]), 'not JSON'],
    ['half a JSON', Buffer.from('{"v":1,'), 'not JSON'],
    ['a list', bytes([]), 'not an object'],
    ['a version of the future', bytes({ v: 2 }), 'unknown version 2'],
    ['a run that is no id', bytes({ ...documents[0]?.[1], runId: 'x' }), 'runId is no id'],
    [
      'counts beyond the column',
      bytes({ ...documents.find(([f]) => f.includes('pages'))?.[1], pages: 2 ** 31 }),
      'pages is no count',
    ],
    [
      'a time that is none',
      bytes({ ...documents.find(([f]) => f.includes('finished'))?.[1], finishedAt: 'soon' }),
      'finishedAt is no instant',
    ],
  ])('refuses %s', (_, event, reason) => {
    expect(decodeResult(event)).toEqual({ reason });
  });
});
