import { compileExtract, type Getter } from '#engine/paths/index';
import { PlatformError } from '#failures';

/**
 * Compiles a path of a step's configuration.
 *
 * @throws PlatformError `invalid_value` for a malformed path
 */
export function compileConfiguredPath(path: string, field: string): Getter {
  const getter = compileExtract(path);
  if (getter === null) throw new PlatformError('invalid_value', `${field} is not a path: ${path}`);
  return getter;
}
