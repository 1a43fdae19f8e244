import { isHostileKey } from '#model';
import { compileQuery, parseJsonPath, parsePath } from '../paths/index.js';
import { isZone } from '../dates/index.js';
import { compileTemplate } from '../template/index.js';
import { lookupsReadBy, staticLookupMaps } from './lookups.js';
import { MappingCompileError, type DateConversion, type MappingOptions, type ValueSource } from './plan.js';

/** Parts of field entries that both mappers share. */

/** Compiles an extract that is a template or a `$` path; null when it is neither. */
export function compileMarkedSource(extract: string, label: string, options: MappingOptions): ValueSource | null {
  if (extract.includes('{{')) {
    const template = compileTemplate(extract, {
      target: 'text',
      source: options.source,
      purpose: `field ${label}`,
      staticLookups: staticLookupMaps(options.lookups),
    });
    return { kind: 'template', template, lookups: lookupsReadBy([extract], options) };
  }
  if (!extract.startsWith('$')) return null;
  const segments = parseJsonPath(extract);
  if (segments !== null) return { kind: 'path', segments };
  if (compileQuery(extract) === null)
    throw new MappingCompileError('invalid_value', `The extract ${extract} of field ${label} is malformed.`);
  return { kind: 'query', path: extract };
}

/** Compiles a bare path of Mapper 1.0. */
export function compileBareSource(extract: string, label: string): ValueSource {
  const segments = parsePath(extract);
  if (segments === null)
    throw new MappingCompileError('invalid_value', `The extract ${extract} of field ${label} is malformed.`);
  return { kind: 'path', segments };
}

export function checkTargetName(name: string): string {
  if (isHostileKey(name)) throw new MappingCompileError('invalid_value', `A field must not be named ${name}.`);
  return name;
}

interface DateFields {
  readonly extractDateFormat?: string;
  readonly extractDateTimezone?: string;
  readonly generateDateFormat?: string;
  readonly generateDateTimezone?: string;
}

/** @returns undefined when the entry converts no date */
export function compileDate(entry: DateFields): DateConversion | undefined {
  const conversion: DateConversion = {
    ...present('extractFormat', entry.extractDateFormat),
    ...present('extractZone', entry.extractDateTimezone),
    ...present('generateFormat', entry.generateDateFormat),
    ...present('generateZone', entry.generateDateTimezone),
  };
  if (conversion.extractFormat === undefined && conversion.generateFormat === undefined) return undefined;
  for (const zone of [conversion.extractZone, conversion.generateZone]) {
    if (zone !== undefined && !isZone(zone))
      throw new MappingCompileError('invalid_value', `${zone} is not a time zone.`);
  }
  return conversion;
}

function present<K extends keyof DateConversion>(key: K, value: string | undefined): Partial<Pick<DateConversion, K>> {
  return value === undefined || value === '' ? {} : ({ [key]: value } as Pick<DateConversion, K>);
}

/** Whether a condition on creation or update holds; the destination alone knows for composite imports. */
export function holdsFor(when: string | undefined, label: string, options: MappingOptions): boolean {
  if (when !== 'record_created' && when !== 'record_updated') return true;
  if (options.operation === undefined) {
    throw new MappingCompileError(
      'not_supported',
      `The condition ${when} of field ${label} is not supported on this import yet.`,
    );
  }
  return (when === 'record_created') === (options.operation === 'create');
}
