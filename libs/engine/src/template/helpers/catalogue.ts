import { arrayHashHelpers, arrayHelpers, stateHelpers } from './array.js';
import { blockHelpers } from './blocks.js';
import { dateHelpers, dateStateHelpers } from './date.js';
import { digestHelpers, encodingHelpers, regexHelpers } from './encoding.js';
import { logicHelpers } from './logic.js';
import { mathHelpers } from './math.js';
import { stringHelpers } from './string.js';
import type { BlockHelper, HashHelper, StateHelper, ValueHelper } from './types.js';

/** A helper and how it wants to be called. */
export type HelperDefinition =
  | { readonly kind: 'value'; readonly call: ValueHelper }
  | { readonly kind: 'hash'; readonly call: HashHelper }
  | { readonly kind: 'state'; readonly call: StateHelper }
  | { readonly kind: 'block'; readonly call: BlockHelper }
  | { readonly kind: 'stock' };

/** Stock Handlebars blocks that are part of the language as they are. */
const stock = ['if', 'unless', 'each', 'with'];

const definitions = new Map<string, HelperDefinition>();
for (const name of stock) definitions.set(name, { kind: 'stock' });
for (const group of [
  mathHelpers,
  stringHelpers,
  arrayHelpers,
  dateHelpers,
  encodingHelpers,
  digestHelpers,
  regexHelpers,
  logicHelpers,
]) {
  for (const [name, call] of Object.entries(group)) definitions.set(name, { kind: 'value', call });
}
for (const [name, call] of Object.entries(arrayHashHelpers)) definitions.set(name, { kind: 'hash', call });
for (const [name, call] of Object.entries({ ...stateHelpers, ...dateStateHelpers })) {
  definitions.set(name, { kind: 'state', call });
}
for (const [name, call] of Object.entries(blockHelpers)) definitions.set(name, { kind: 'block', call });

/** Every helper of the language, by its case-sensitive name. Reference: handlebars §4, §5. */
export const helperCatalogue: ReadonlyMap<string, HelperDefinition> = definitions;
