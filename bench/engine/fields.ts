import type { Mapping1, Mapping2 } from '#model';
import type { Product } from './records.js';

/** A map of twenty fields: for the mappers, and written by hand. */

type Type = 'string' | 'number' | 'boolean';

const table: readonly (readonly [generate: string, path: string, type: Type])[] = [
  ['id', 'id', 'string'],
  ['code', 'sku', 'string'],
  ['title', 'name', 'string'],
  ['text', 'description', 'string'],
  ['amount', 'price', 'number'],
  ['available', 'quantity', 'number'],
  ['group', 'category', 'string'],
  ['currency', 'currency', 'string'],
  ['weight', 'weight', 'number'],
  ['barcode', 'ean', 'number'],
  ['created', 'createdAt', 'string'],
  ['changed', 'updatedAt', 'string'],
  ['buyer', 'customer.name', 'string'],
  ['email', 'customer.email', 'string'],
  ['city', 'customer.address.city', 'string'],
  ['country', 'customer.address.country', 'string'],
  ['warehouse', 'stock.warehouse', 'string'],
  ['reserved', 'stock.reserved', 'number'],
  ['isActive', 'active', 'boolean'],
];

const constant = ['kind', 'product'] as const;

export const mapping2: Mapping2 = [
  ...table.map(([generate, path, dataType]) => ({
    status: 'Active' as const,
    dataType,
    generate,
    extract: `$.${path}`,
  })),
  { status: 'Active', dataType: 'string', generate: constant[0], extract: constant[1] },
];

export const mapping1: Mapping1 = {
  fields: [
    ...table.map(([generate, extract, dataType]) => ({ generate, extract, dataType })),
    { generate: constant[0], hardCodedValue: constant[1] },
  ],
};

export function mapByHand(product: Product): object {
  const { customer, stock } = product;
  return {
    id: String(product.id),
    code: product.sku,
    title: product.name,
    text: product.description,
    amount: product.price,
    available: product.quantity,
    group: product.category,
    currency: product.currency,
    weight: product.weight,
    barcode: Number(product.ean),
    created: product.createdAt,
    changed: product.updatedAt,
    buyer: customer.name,
    email: customer.email,
    city: customer.address.city,
    country: customer.address.country,
    warehouse: stock.warehouse,
    reserved: stock.reserved,
    isActive: product.active,
    kind: 'product',
  };
}

/** Conditions of the filter, as rules and by hand. */
export const filterRules = [
  'and',
  ['equals', ['extract', 'status'], 'active'],
  ['greaterthan', ['number', ['extract', 'quantity']], 0],
  ['or', ['startswith', ['extract', 'sku'], 'SKU-'], ['notempty', ['extract', 'customer.id']]],
  ['anyof', ['extract', 'customer.address.country'], ['NL', 'DE', 'AT']],
];

const countries = new Set(['NL', 'DE', 'AT']);

export function keepByHand(product: Product): boolean {
  return (
    product.status === 'active' &&
    Number(product.quantity) > 0 &&
    (product.sku.startsWith('SKU-') || product.customer.id !== '') &&
    countries.has(product.customer.address.country)
  );
}
