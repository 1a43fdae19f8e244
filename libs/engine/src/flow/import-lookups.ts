import type { Import, Lookup } from '#model';
import { compileLookup, lookupsReadBy } from '../mapping/lookups.js';
import { MappingCompileError, type LookupPlan, type MappingOptions } from '../mapping/plan.js';
import { compileExtract, type Getter } from '../paths/index.js';
import type { Operation } from '../program.js';
import type { CompileFailures } from './compile-failures.js';
import { compositeOf } from './composite.js';

/** How an import finds out whether a record exists already. */
export type Existence = { readonly extract: Getter } | { readonly lookup: LookupPlan };

/** What an import decides and asks about a record before it maps it. Reference: runtime §9.3, §14. */
export interface ImportChoices {
  /** Passes over records that exist, or that do not. */
  readonly skip?: { readonly when: 'existing' | 'missing'; readonly existence: Existence };
  /** Composite imports: which request a record gets. */
  readonly existence?: Existence;
  /** Dynamic lookups that the templates of a request read. */
  readonly read: Readonly<Record<Operation, readonly LookupPlan[]>>;
}

/** Either place is accepted, and an adaptor's own (decision 22). */
export function lookupsOf(step: Pick<Import, 'lookups' | 'http' | 'rdbms'>): readonly Lookup[] {
  return [...(step.lookups ?? []), ...(step.http?.lookups ?? []), ...(step.rdbms?.lookups ?? [])];
}

/** @returns undefined for an import that decides and asks nothing */
export function compileChoices(
  target: Import & { readonly _id: string },
  options: MappingOptions,
  failures: CompileFailures,
): ImportChoices | undefined {
  const compile = <T>(part: () => T): T | undefined => {
    try {
      return part();
    } catch (error) {
      if (!(error instanceof MappingCompileError)) throw error;
      failures.add(error.code, error.message, target._id);
      return undefined;
    }
  };
  const skip = compile(() => compileSkip(target, options));
  const existence = compile(() => compileExisting(target, options));
  const read = compile(() => compileRead(target, options)) ?? { create: [], update: [] };
  if (skip === undefined && existence === undefined && read.create.length + read.update.length === 0) return undefined;
  return {
    ...(skip === undefined ? {} : { skip }),
    ...(existence === undefined ? {} : { existence }),
    read,
  };
}

function compileSkip(target: Import, options: MappingOptions): ImportChoices['skip'] {
  if (target.ignoreExisting !== true && target.ignoreMissing !== true) return undefined;
  const { ignoreExtract, ignoreLookupName } = target.http ?? target.rdbms ?? {};
  const existence = compileExistence(ignoreExtract, ignoreLookupName, options);
  const when = target.ignoreExisting === true ? 'existing' : 'missing';
  if (existence !== undefined) return { when, existence };
  throw new MappingCompileError(
    'invalid_value',
    `To ignore ${when} records, ignoreExtract or ignoreLookupName has to say which records exist.`,
  );
}

function compileExisting(target: Import, options: MappingOptions): Existence | undefined {
  if (compositeOf(target) === undefined) return undefined;
  const [extract, name] =
    target.rdbms === undefined
      ? [target.http?.existingExtract, target.http?.existingLookupName]
      : [target.rdbms.updateExtract, target.rdbms.updateLookupName];
  const existence = compileExistence(extract, name, options);
  if (existence !== undefined) return existence;
  const fields =
    target.rdbms === undefined ? 'existingExtract or existingLookupName' : 'updateExtract or updateLookupName';
  throw new MappingCompileError(
    'invalid_value',
    `An import that creates or updates needs ${fields} to tell which records exist.`,
  );
}

function compileExistence(
  extract: string | undefined,
  lookupName: string | undefined,
  options: MappingOptions,
): Existence | undefined {
  if (extract !== undefined && extract !== '') {
    const get = compileExtract(extract);
    if (get === null) throw new MappingCompileError('invalid_value', `The extract ${extract} is malformed.`);
    return { extract: get };
  }
  if (lookupName === undefined || lookupName === '') return undefined;
  const lookup = compileLookup(lookupName, options);
  if (lookup.isDynamic) return { lookup };
  throw new MappingCompileError(
    'invalid_value',
    `The lookup ${lookupName} has only a map, which cannot tell whether a record exists.`,
  );
}

/** Only what the templates of the request that a record gets read is asked for it. */
function compileRead(target: Import, options: MappingOptions): ImportChoices['read'] {
  const composite = compositeOf(target) ?? { create: 0, update: 0 };
  const plansAt = (at: number): readonly LookupPlan[] => {
    const { http, rdbms } = target;
    const headers = (http?.headers ?? []).map(({ value }) => value);
    const texts = [http?.relativeURI?.[at], http?.body?.[at], rdbms?.query?.[at], ...headers];
    return lookupsReadBy(texts, options);
  };
  return { create: plansAt(composite.create), update: plansAt(composite.update) };
}
