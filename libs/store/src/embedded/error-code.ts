/** `code` of an error of Node or PostgreSQL; undefined when it has none. By shape, since errors cross realms. */
export function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

export const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';
