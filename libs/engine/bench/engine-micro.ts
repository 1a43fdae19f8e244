import { performance } from 'node:perf_hooks';
import { compileFilter, compileMapper1, compileMapper2 } from '#engine';
import { compileTemplate } from '#engine/template/index';
import type { JsonRecord, JsonValue, Mapping2 } from '#model';
import { runContext } from '../src/testing/contexts.js';

/**
 * How far the engine is from code written by hand: a filter and a map of ten fields over records of about 900 bytes.
 * Prints one line per variant: records per second and the ratio to hand-written code.
 */

const run = runContext();
const scope = { settings: {}, roots: {} };

function makeRecord(id: number): JsonRecord {
  return {
    id,
    status: id % 10 === 0 ? 'closed' : 'open',
    total: id * 1.5,
    currency: 'EUR',
    createdAt: '2025-03-27T00:00:00Z',
    customer: {
      id: `C${id}`,
      name: `Customer ${id}`,
      email: `c${id}@example.test`,
      address: { city: 'Graz', zip: '8010' },
    },
    note: 'x'.repeat(420),
    tags: ['a', 'b', 'c'],
    lines: [
      { sku: 'S1', qty: 2, price: '10.50' },
      { sku: 'S2', qty: 3, price: '7.25' },
    ],
  };
}

const records = Array.from({ length: 1_000 }, (_, id) => makeRecord(id));

const field = (generate: string, extract: string, dataType: Mapping2[number]['dataType'] = 'string') =>
  ({ status: 'Active', dataType, generate, extract }) as const;

const mappings: Mapping2 = [
  field('externalId', '$.id'),
  field('amount', '$.total', 'number'),
  field('currency', '$.currency'),
  field('customerId', '$.customer.id'),
  field('customerName', '$.customer.name'),
  field('email', '$.customer.email'),
  field('city', '$.customer.address.city'),
  field('zip', '$.customer.address.zip', 'number'),
  field('note', '$.note'),
  field('source', 'millrace'),
];

interface Order {
  readonly id: number;
  readonly status: string;
  readonly total: number;
  readonly currency: string;
  readonly note: string;
  readonly customer: {
    readonly id: string;
    readonly name: string;
    readonly email: string;
    readonly address: { readonly city: string; readonly zip: string };
  };
}

function byHand(order: Order): unknown {
  if (order.status === 'closed' || !(order.total >= 0)) return null;
  const { customer } = order;
  return {
    externalId: String(order.id),
    amount: order.total,
    currency: order.currency,
    customerId: customer.id,
    customerName: customer.name,
    email: customer.email,
    city: customer.address.city,
    zip: Number(customer.address.zip),
    note: order.note,
    source: 'millrace',
  };
}

function unwrap<T extends object>(compiled: T): Exclude<T, { readonly error: unknown }> {
  if ('error' in compiled) throw new Error(JSON.stringify(compiled.error));
  return compiled as Exclude<T, { readonly error: unknown }>;
}

const options = { lookups: [], source: 'mapping', input: 'record', scope } as const;
const { filter } = unwrap(
  compileFilter(
    ['and', ['notequals', ['extract', 'status'], 'closed'], ['greaterthanequals', ['extract', 'total'], 0]],
    {
      settings: {},
      source: 'output_filter',
    },
  ),
);
const two = unwrap(compileMapper2(mappings, options)).map;
const one = unwrap(
  compileMapper1(
    {
      fields: mappings.map(({ generate, extract, dataType }) =>
        extract?.startsWith('$.')
          ? { generate, extract: extract.slice(2), dataType: dataType as 'string' | 'number' }
          : { generate, hardCodedValue: extract },
      ),
    },
    options,
  ),
).map;
const templated = unwrap(
  compileMapper2(
    mappings.map((entry) =>
      entry.dataType === 'string' && entry.extract?.startsWith('$.')
        ? { ...entry, extract: `{{record.${entry.extract.slice(2)}}}` }
        : entry,
    ),
    options,
  ),
).map;
const body = compileTemplate('{"id":"{{record.id}}","name":"{{record.customer.name}}"}', {
  target: 'json',
  source: 'resource',
});
const loop = compileTemplate('{{#each record.lines}}{{sku}}:{{qty}}{{#unless @last}},{{/unless}}{{/each}}', {
  target: 'text',
  source: 'resource',
});

const throughEngine = (map: typeof two) => (record: JsonValue) => (filter(record) === true ? map(record, run) : null);

const variants: readonly (readonly [string, (record: JsonRecord) => unknown])[] = [
  ['by hand', (record) => byHand(record as unknown as Order)],
  ['filter + Mapper 2.0', throughEngine(two)],
  ['filter + Mapper 1.0', throughEngine(one)],
  ['filter + Mapper 2.0 of templates', throughEngine(templated)],
  ['filter alone', (record) => filter(record)],
  ['template of paths', (record) => body.render({ record }, run)],
  ['template with a loop', (record) => loop.render({ record }, run)],
];

/** Best of several rounds, records per second: the machine is shared. */
function measure(apply: (record: JsonRecord) => unknown): number {
  let best = 0;
  // Results are kept for a while, or the optimiser would never build them.
  const kept = Array.from<unknown>({ length: records.length });
  for (let round = 0; round < 12; round += 1) {
    const started = performance.now();
    let done = 0;
    while (performance.now() - started < 80) {
      for (let index = 0; index < records.length; index += 1) kept[index] = apply(records[index]!);
      done += records.length;
    }
    best = Math.max(best, (done / (performance.now() - started)) * 1000);
  }
  return best;
}

let baseline = 0;
for (const [name, apply] of variants) {
  const rate = measure(apply);
  if (baseline === 0) baseline = rate;
  process.stdout.write(
    `${name.padEnd(34)} ${Math.round(rate).toLocaleString('en').padStart(14)} records/s   ${(baseline / rate).toFixed(2)} x the time by hand\n`,
  );
}
