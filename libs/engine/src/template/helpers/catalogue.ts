import { arrayHashHelpers, arrayHelpers, arrayScopeHelpers } from './array.js';
import { conditionHelpers, isTruthy } from './conditions.js';
import { costOf, type HelperCost } from './costs.js';
import { dateHelpers, dateScopeHelpers } from './date.js';
import { encodingHelpers } from './encoding.js';
import { logicHelpers } from './logic.js';
import { mathHelpers } from './math.js';
import { regexHelpers } from './regex.js';
import { digestHelpers, signatureHelpers } from './security.js';
import { stringHelpers } from './string.js';

/**
 * How a helper is called: with its arguments (`value`, `condition`), after its `name="value"` arguments (`hash`), or after
 * the rendering it is part of (`scope`). A `block` gives no value; the generator knows it.
 */
export type HelperKind = 'value' | 'condition' | 'hash' | 'scope' | 'block';

export interface HelperDefinition {
  readonly kind: HelperKind;
  readonly run: (...args: never[]) => unknown;
  readonly cost: HelperCost;
}

const definitions = new Map<string, HelperDefinition>();

function define(kind: HelperKind, helpers: Readonly<Record<string, HelperDefinition['run']>>): void {
  for (const [name, run] of Object.entries(helpers)) definitions.set(name, { kind, run, cost: costOf(name) });
}

const isBlock = (): never => {
  throw new Error('A block gives no value.');
};

define('block', { each: isBlock, with: isBlock });
define('condition', { if: isTruthy, unless: (value: unknown) => !isTruthy(value), ...conditionHelpers });
define('value', { ...mathHelpers, ...stringHelpers, ...arrayHelpers, ...dateHelpers, ...encodingHelpers });
define('value', { ...digestHelpers, ...regexHelpers, ...logicHelpers });
define('hash', arrayHashHelpers);
define('scope', { ...arrayScopeHelpers, ...dateScopeHelpers, ...signatureHelpers });

/** Every helper of the language, by its case-sensitive name. Reference: handlebars §4, §5. */
export const helperCatalogue: ReadonlyMap<string, HelperDefinition> = definitions;
