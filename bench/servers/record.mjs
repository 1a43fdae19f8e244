// The benchmark's record: 20 fields, about 900 bytes, ids at a fixed place so that pages can be stamped instead of built.

const filler =
  'Delivered in recyclable packaging; please keep the original box for returns within thirty days of receipt. ';

export function record(id) {
  return {
    id,
    sku: 'SKU-004711-XL',
    name: 'Walking shoe, waterproof, wide fit',
    description: filler.repeat(3).trim(),
    price: 129.95,
    quantity: 7,
    category: 'outdoor/shoes',
    tags: ['new', 'season', 'waterproof'],
    status: 'active',
    currency: 'EUR',
    weight: 0.84,
    ean: '4006381333931',
    createdAt: '2026-03-01T08:15:30.000Z',
    updatedAt: '2026-11-20T17:45:00.000Z',
    customer: {
      id: 'C-100200',
      name: 'Example Retail Group',
      email: 'orders@example.com',
      address: { street: '12 Harbour Road', city: 'Rotterdam', zip: '3011 AA', country: 'NL' },
    },
    stock: { warehouse: 'RTM-2', bin: 'B-17-04', reserved: 2 },
    supplier: 'S-778',
    active: true,
    rating: 4.6,
    notes: null,
  };
}

/** Ids have ten digits, so that every record has the same length. */
export const firstId = 1_000_000_000;

/** The 10-field map of the scenario, written by hand. */
export function mapByHand(r) {
  return {
    id: r.id,
    code: r.sku,
    title: r.name,
    text: r.description,
    amount: r.price,
    available: r.quantity,
    buyer: r.customer.name,
    city: r.customer.address.city,
    changed: r.updatedAt,
    kind: 'product',
  };
}

export const keepByHand = (r) => r.quantity > 0;
