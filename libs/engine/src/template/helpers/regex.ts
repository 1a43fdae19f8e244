import { type Pattern, patternOf } from '../../regex/index.js';
import { work } from '../work.js';
import { isMissing, number, text } from './arguments.js';
import type { ValueHelper } from './types.js';

/** Measured at worst; a search stops at the first match, but who wrote the pattern knows how to avoid that. */
const unitsPerInstruction = 40;
const unitsToCompileInstruction = 30_000;

/** Patterns that were charged for being compiled; the cache of patterns may hold them still. */
const charged = new WeakSet<Pattern>();

/** The pattern, charged for one search of a text. */
function patternFor(searched: string, source: unknown, flags: string): Pattern {
  const pattern = patternOf(text(source), flags);
  if (!charged.has(pattern)) {
    charged.add(pattern);
    work.spend(pattern.size * unitsToCompileInstruction);
  }
  work.spend(searched.length * pattern.size * unitsPerInstruction);
  return pattern;
}

/** Patterns search in linear time, see `regex/`. Reference: handlebars §4.6. */
export const regexHelpers: Readonly<Record<string, ValueHelper>> = {
  /** The match of an index, from 0, whether or not there is a flag `g`. Flags may take the place of the index. */
  regexMatch: (value, source, third, fourth) => {
    const flagsAreThird = !isMissing(third) && Number.isNaN(number(third));
    const index = flagsAreThird || isMissing(third) ? 0 : number(third);
    const searched = text(value);
    return patternFor(searched, source, text(flagsAreThird ? third : fourth)).match(searched, index);
  },
  /** The replacement comes before the pattern. */
  regexReplace: (value, replacement, source, flags) => {
    const searched = text(value);
    return patternFor(searched, source, text(flags)).replace(searched, text(replacement));
  },
  regexSearch: (value, source, flags) => {
    const searched = text(value);
    return patternFor(searched, source, text(flags)).search(searched);
  },
};
