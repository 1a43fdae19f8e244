import type { JsonValue } from '#model';
import { asList, elementCasts, scalarCasts, toObject } from './casts.js';
import { MappingFailure, type ArrayType, type FieldType } from './plan.js';

/**
 * A field's default in the field's type: the API keeps defaults as text. null and "" are values of any type, and so is
 * what cannot be converted. Reference: runtime §13.
 */
export function toDefault(value: JsonValue, type: FieldType): JsonValue {
  if (value === null || value === '') return value;
  try {
    return convert(value, type);
  } catch (error) {
    if (error instanceof MappingFailure) return value;
    throw error;
  }
}

function convert(value: JsonValue, type: FieldType): JsonValue {
  switch (type) {
    case 'object':
      return toObject(value, '');
    case 'indexed':
      return value;
    case 'stringarray':
    case 'numberarray':
    case 'booleanarray':
    case 'objectarray':
    case 'arrayarray':
      return toElements(value, type);
    default:
      return scalarCasts[type](value, '');
  }
}

function toElements(value: JsonValue, type: ArrayType): JsonValue {
  return asList(value).map((element) => (element === null ? null : elementCasts[type](element, '')));
}
