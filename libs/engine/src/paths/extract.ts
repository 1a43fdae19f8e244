import { compilePath, type Getter } from './getter.js';
import { compileJsonPath } from './json-path.js';

/**
 * Compiles an extract in any notation: JSONPath when it starts with `$`, else a bare path.
 *
 * @returns null when the path is malformed
 */
export function compileExtract(path: string): Getter | null {
  return path.startsWith('$') ? (compileJsonPath(path)?.get ?? null) : compilePath(path);
}
