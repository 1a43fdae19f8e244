import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { JsonRecord } from '#model';

/** The record of `bench/servers/record.mjs`, as hand-written code knows it. */
export interface Product {
  readonly id: number;
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  readonly price: number;
  readonly quantity: number | string;
  readonly category: string;
  readonly status: string;
  readonly currency: string;
  readonly weight: number;
  readonly ean: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly customer: {
    readonly id: string;
    readonly name: string;
    readonly email: string;
    readonly address: {
      readonly street: string;
      readonly city: string;
      readonly zip: string;
      readonly country: string;
    };
  };
  readonly stock: { readonly warehouse: string; readonly bin: string; readonly reserved: number };
  readonly supplier: string;
  readonly active: boolean;
  readonly rating: number;
}

const { record, firstId } = (await import(pathToFileURL(resolve('bench/servers/record.mjs')).href)) as {
  readonly record: (id: number) => Product;
  readonly firstId: number;
};

/** A page as it comes from the wire: every tenth record is retired, every twentieth out of stock. */
export function pageText(count: number): string {
  const records = Array.from({ length: count }, (_, index) => ({
    ...record(firstId + index),
    status: index % 10 === 0 ? 'retired' : 'active',
    quantity: index % 20 === 1 ? 0 : index,
  }));
  return JSON.stringify(records);
}

export const products = JSON.parse(pageText(1_000)) as readonly Product[];
export const records = products as unknown as readonly JsonRecord[];
