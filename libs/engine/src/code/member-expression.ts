import { isInheritedName, own, readable } from '../paths/own.js';
import type { CodeWriter } from './code-writer.js';

/**
 * Expression that reads own members only. Names of prototypes' members go through a checked read.
 *
 * @param isReadable whether the base is known to be an object
 */
export function memberExpression(code: CodeWriter, base: string, names: readonly string[], isReadable = false): string {
  let expression = base;
  names.forEach((name, depth) => {
    const literal = JSON.stringify(name);
    if (isInheritedName(name)) expression = `${code.constant(own)}(${expression}, ${literal})`;
    else if (isReadable && depth === 0) expression = `${expression}[${literal}]`;
    else expression = `${code.constant(readable)}(${expression})[${literal}]`;
  });
  return expression;
}
