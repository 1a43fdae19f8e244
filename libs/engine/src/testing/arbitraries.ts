import fc from 'fast-check';
import { isRecord, type JsonRecord, type JsonValue, type Lookup } from '#model';

/** Random records, and what differential tests share. */

export const scalar = fc.oneof(
  fc.constantFrom<JsonValue>('', 'x', '7', 'false', '2024-02-28', 'tx', null, true, false, 0, 2.5),
  fc.string({ maxLength: 4 }),
);

const item = fc.record({ sku: scalar, serials: fc.array(scalar, { maxLength: 2 }) }, { requiredKeys: [] });
const order = fc.record(
  { id: scalar, items: fc.oneof(fc.array(item, { maxLength: 2 }), item, scalar) },
  { requiredKeys: [] },
);

/** Records come from JSON.parse: ordinary prototypes. */
export function asParsed<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

const hostile = fc.constantFrom('{}', '{"__proto__":{"x":1}}', '{"constructor":"c","toString":2}');

export const record: fc.Arbitrary<JsonRecord> = fc
  .tuple(
    hostile,
    fc.record(
      {
        id: scalar,
        name: scalar,
        day: fc.constantFrom('2024-02-28', '1999-12-31', ''),
        o: fc.oneof(
          fc.record({ a: scalar, b: fc.record({ c: scalar }, { requiredKeys: [] }) }, { requiredKeys: [] }),
          scalar,
        ),
        tags: fc.oneof(fc.array(scalar, { maxLength: 3 }), scalar),
        days: fc.array(fc.constantFrom('2024-02-28', '1999-12-31', null), { maxLength: 2 }),
        grid: fc.array(fc.array(scalar, { maxLength: 2 }), { maxLength: 2 }),
        orders: fc.oneof(fc.array(fc.oneof({ weight: 5, arbitrary: order }, scalar), { maxLength: 2 }), order, scalar),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([text, members]) => {
    const plain = asParsed(members) as JsonRecord;
    const o = isRecord(plain['o']) ? { ...(JSON.parse(text) as JsonRecord), ...plain['o'] } : plain['o'];
    return { ...(JSON.parse(text) as JsonRecord), ...plain, ...(o === undefined ? {} : { o: o }) };
  });

/** A record, or rows of a grouped one. */
export const recordOrRows: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 5, arbitrary: record },
  { weight: 1, arbitrary: fc.array(record, { maxLength: 2 }) },
);

export const lookups: readonly Lookup[] = [
  { name: 'strict', map: { tx: 'Texas', '7': '2024-01-01' } },
  { name: 'lenient', map: { tx: 'Texas', '': 'none', false: 0 }, allowFailures: true },
  { name: 'fallback', map: { tx: 'Texas' }, allowFailures: true, default: '9' },
];

export const lookupName = fc.option(fc.constantFrom('strict', 'lenient', 'fallback'), { nil: undefined, freq: 3 });

/** Leaves out members that are undefined: a missing default is none, whatever its member says. */
export function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}
