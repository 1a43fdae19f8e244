import type { Import } from '#model';

/** Where the two requests of a composite import stand in its positional fields. */
export interface Composite {
  readonly create: number;
  readonly update: number;
}

/** An import that creates or updates, record by record; undefined for any other. Reference: runtime §9.3, resources §5.3. */
export function compositeOf(step: Pick<Import, 'http' | 'rdbms'>): Composite | undefined {
  const types: readonly string[] = step.rdbms?.queryType ?? step.http?.requestType ?? [];
  const create = types.findIndex((type) => type === 'CREATE' || type === 'INSERT');
  const update = types.indexOf('UPDATE');
  return create < 0 || update < 0 ? undefined : { create, update };
}
