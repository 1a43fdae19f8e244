import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { compileTemplate, type TemplateTarget } from '#engine/template/index';
import type { JsonRecord } from '#model';
import { type BenchOptions, type BenchResult, percentile, round } from '../result.js';

/** Templates against the function that a programmer would write instead, which escapes and tolerates gaps alike. */
interface Contest {
  readonly name: string;
  readonly target: TemplateTarget;
  readonly template: string;
  readonly byHand: (order: Order) => string;
}

interface Line {
  readonly sku: string;
  readonly qty: number;
  readonly price: string;
}

interface Order {
  readonly id: number;
  readonly status: string;
  readonly total: number;
  readonly customer: { readonly name: string; readonly email: string; readonly address: { readonly city: string } };
  readonly lines: readonly Line[];
}

const json = (value: unknown): string => JSON.stringify(String(value)).slice(1, -1);
const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();

const contests: readonly Contest[] = [
  {
    name: 'paths',
    target: 'text',
    template: '{{record.id}} {{record.customer.name}} <{{record.customer.email}}>, {{record.customer.address.city}}',
    byHand: ({ id, customer }) => `${id} ${customer.name} <${customer.email}>, ${customer.address.city}`,
  },
  {
    name: 'paths-json',
    target: 'json',
    template: '{"id":"{{record.id}}","name":"{{record.customer.name}}","city":"{{record.customer.address.city}}"}',
    byHand: ({ id, customer }) =>
      `{"id":"${id}","name":"${json(customer.name)}","city":"${json(customer.address.city)}"}`,
  },
  {
    name: 'uri',
    target: 'uri',
    template: '/orders/{{record.id}}?mail={{record.customer.email}}',
    byHand: ({ id, customer }) => `/orders/${id}?mail=${encodeURIComponent(customer.email)}`,
  },
  {
    name: 'if',
    target: 'text',
    template:
      '{{#if record.customer.email}}{{record.customer.email}}{{else}}none{{/if}} {{#compare record.status "==" "open"}}todo{{else if record.total}}paid{{else}}free{{/compare}}',
    byHand: ({ status, total, customer }) =>
      `${customer.email ? customer.email : 'none'} ${status === 'open' ? 'todo' : total ? 'paid' : 'free'}`,
  },
  {
    name: 'each',
    target: 'text',
    template: '{{#each record.lines}}{{sku}}:{{qty}}@{{price}}{{#unless @last}},{{/unless}}{{/each}}',
    byHand: ({ lines }) => {
      let out = '';
      for (let at = 0; at < lines.length; at += 1) {
        const { sku, qty, price } = lines[at]!;
        out += `${sku}:${qty}@${price}`;
        if (at < lines.length - 1) out += ',';
      }
      return out;
    },
  },
  {
    name: 'string-helpers',
    target: 'text',
    template:
      '{{uppercase record.customer.address.city}} {{trim record.customer.name}} {{replace record.customer.email "@" " at "}} {{capitalize (lowercase record.status)}}',
    byHand: ({ status, customer }) =>
      `${customer.address.city.toUpperCase()} ${customer.name.trim()} ${customer.email.replaceAll('@', ' at ')} ${capital(status)}`,
  },
  {
    name: 'number-helpers',
    target: 'text',
    template:
      '{{toFixed (multiply record.total 1.2) 2}} {{add record.id 1}} {{round record.total}} {{subtract record.total record.id}}',
    byHand: ({ id, total }) => `${(total * 1.2).toFixed(2)} ${id + 1} ${Math.round(total)} ${total - id}`,
  },
];

function order(id: number): Order {
  return {
    id,
    status: id % 10 === 0 ? 'closed' : 'open',
    total: id * 1.5,
    customer: { name: ` Customer ${id} `, email: `c${id}@example.test`, address: { city: 'Graz' } },
    lines: Array.from({ length: 3 + (id % 5) }, (_, at) => ({ sku: `S${at}`, qty: at + 1, price: `${at}.50` })),
  };
}

/** Records per second of both sides, and their ratio, per kind of template. In process; no I/O. */
export async function templates({ quick }: BenchOptions, emit: (result: BenchResult) => void): Promise<void> {
  const orders = Array.from({ length: 1_000 }, (_, id) => order(id + 1));
  // As they come from the wire: JSON.parse gives other hidden classes than literals do.
  const records = JSON.parse(JSON.stringify(orders.map((record) => ({ record })))) as { readonly record: Order }[];
  const environment = { nowMs: () => 0 };
  for (const { name, target, template, byHand } of contests) {
    const compiled = compileTemplate(template, { target, source: 'resource' });
    const rendered = (context: { readonly record: Order }) =>
      compiled.render(context as unknown as JsonRecord, environment);
    const written = (context: { readonly record: Order }) => byHand(context.record);
    for (const context of records) {
      if (rendered(context) !== written(context)) throw new Error(`The template and the function of ${name} disagree.`);
    }
    const rounds = { rendered: [] as number[], written: [] as number[] };
    for (let round = 0; round < (quick ? 5 : 15); round += 1) {
      // In turns: a shared machine slows both alike.
      rounds.written.push(rate(written, records));
      rounds.rendered.push(rate(rendered, records));
      await nextTurn();
    }
    const value = percentile(rounds.rendered, 0.5);
    const baseline = percentile(rounds.written, 0.5);
    emit({
      bench: 'engine',
      variant: `template-${name}`,
      mode: 'in-process',
      unit: 'records/s',
      value: round(value),
      baseline: round(baseline),
      ratio: round(value / baseline),
    });
  }
}

const roundMs = 60;
/** Results are kept for a while, or the optimiser would never build them. */
const kept: unknown[] = [];

function rate<T>(apply: (record: T) => unknown, records: readonly T[]): number {
  const started = performance.now();
  let done = 0;
  while (performance.now() - started < roundMs) {
    for (let at = 0; at < records.length; at += 1) {
      const output = apply(records[at]!);
      // Reading a character makes V8 join the parts of the text, as whoever sends it must.
      if (typeof output === 'string' && output.charCodeAt(0) < 0) throw new Error('unreachable');
      kept[at] = output;
    }
    done += records.length;
  }
  return (done / (performance.now() - started)) * 1000;
}
