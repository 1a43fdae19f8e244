import { randomBytes } from 'node:crypto';

const pattern = /^[0-9a-f]{24}$/;

/** Five random bytes per process and a counter: the ObjectId layout, so ids sort roughly by their time of creation. */
const processPart = randomBytes(5).toString('hex');
let counter = randomBytes(3).readUIntBE(0, 3);

/** A new id: 24 lower-case hex characters, unique without coordination. Reference: resources §1.1. */
export function newId(nowMs: number = Date.now()): string {
  counter = (counter + 1) & 0xffffff;
  const seconds = Math.floor(nowMs / 1000) & 0xffffffff;
  return (seconds >>> 0).toString(16).padStart(8, '0') + processPart + counter.toString(16).padStart(6, '0');
}

/** Whether a value is a well-formed id. Ids are compared as text, so upper case is malformed. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && pattern.test(value);
}
