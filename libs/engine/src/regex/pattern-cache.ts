import { compilePattern, type Pattern } from './pattern.js';

/** A pattern keeps up to some megabytes of what it learnt about texts. */
const maxKept = 32;
const kept = new Map<string, Pattern>();

/**
 * {@link compilePattern} for patterns that are known at run time only; those used last are kept.
 *
 * @throws PatternError as compiling does
 */
export function patternOf(source: string, flags = ''): Pattern {
  const key = `${flags}/${source}`;
  const pattern = kept.get(key) ?? compilePattern(source, flags);
  kept.delete(key);
  kept.set(key, pattern);
  if (kept.size > maxKept) kept.delete(kept.keys().next().value as string);
  return pattern;
}
