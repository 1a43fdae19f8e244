import { isInheritedName, own, readable } from '../paths/own.js';
import type { CodeWriter } from './code-writer.js';

/** Expression that reads own members only. Names of prototypes' members go through a checked read. */
export function memberExpression(code: CodeWriter, base: string, names: readonly string[]): string {
  let expression = base;
  for (const name of names) {
    expression = isInheritedName(name)
      ? `${code.constant(own)}(${expression}, ${JSON.stringify(name)})`
      : `${code.constant(readable)}(${expression})[${JSON.stringify(name)}]`;
  }
  return expression;
}
