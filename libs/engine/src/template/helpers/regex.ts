import { number, text } from './arguments.js';
import type { ValueHelper } from './types.js';

/** A text longer than this is not searched: patterns are users' and their running time grows with it. */
const maxSearchedText = 100_000;
const expressions = new Map<string, RegExp>();

function expressionOf(source: unknown, flags: string): RegExp {
  const key = `${flags}/${text(source)}`;
  let expression = expressions.get(key);
  if (expression === undefined) {
    expression = new RegExp(text(source), flags);
    if (expressions.size >= 500) expressions.clear();
    expressions.set(key, expression);
  }
  expression.lastIndex = 0;
  return expression;
}

function searched(value: unknown, helper: string): string {
  const input = text(value);
  if (input.length > maxSearchedText)
    throw new Error(`${helper}: the text has more than ${maxSearchedText} characters.`);
  return input;
}

/** Reference: handlebars §4.6. */
export const regexHelpers: Readonly<Record<string, ValueHelper>> = {
  regexMatch: (value, pattern, third, fourth) => {
    const thirdIsFlags = third !== undefined && Number.isNaN(number(third));
    const flags = thirdIsFlags ? text(third) : text(fourth);
    const index = thirdIsFlags || third === undefined ? 0 : number(third);
    const expression = expressionOf(pattern, flags.includes('g') ? flags : `${flags}g`);
    let at = 0;
    for (const match of searched(value, 'regexMatch').matchAll(expression)) {
      if (at === index) return match[0];
      at += 1;
    }
    return undefined;
  },
  regexReplace: (value, replacement, pattern, flags) =>
    searched(value, 'regexReplace').replace(expressionOf(pattern, text(flags)), text(replacement)),
  regexSearch: (value, pattern, flags) => searched(value, 'regexSearch').search(expressionOf(pattern, text(flags))),
};
