import type { z } from 'zod';
import { fieldOf, isIssueCode, type Issue } from './issue.js';

/**
 * Translates zod's issues to the API's codes: absent → `missing_required_field`, outside an enumeration → `enum`, number
 * below or above its bounds → `min`, `max`, any other wrong type or format → `invalid_field_value`. A custom issue may
 * bring its own code in `params.code`.
 */
export function toIssues(error: z.ZodError): Issue[] {
  return error.issues.map(toIssue);
}

function toIssue(issue: z.core.$ZodIssue): Issue {
  const field = fieldOf(issue.path);
  const named = field === '' ? {} : { field };
  const subject = field === '' ? 'The document' : field;
  if (isAbsent(issue)) {
    return { code: 'missing_required_field', message: `Expected field: ${subject} to be present.`, ...named };
  }
  switch (issue.code) {
    case 'invalid_value':
      return {
        code: 'enum',
        message: `${subject} must be one of: ${issue.values.map(String).join(', ')}.`,
        ...named,
      };
    case 'too_small':
      if (issue.origin === 'string' && issue.minimum === 1) {
        return { code: 'missing_required_field', message: `${subject} must not be empty.`, ...named };
      }
      return issue.origin === 'number' || issue.origin === 'int'
        ? { code: 'min', message: `${subject} must be at least ${issue.minimum}.`, ...named }
        : { code: 'invalid_field_value', message: `${subject} needs at least ${issue.minimum} entries.`, ...named };
    case 'too_big':
      return issue.origin === 'number' || issue.origin === 'int'
        ? { code: 'max', message: `${subject} must be at most ${issue.maximum}.`, ...named }
        : {
            code: 'invalid_field_value',
            message: `${subject} is longer than ${issue.maximum} ${issue.origin === 'array' ? 'entries' : 'characters'}.`,
            ...named,
          };
    case 'invalid_type':
      return {
        code: 'invalid_field_value',
        message: `${subject} must be of type ${typeName(issue.expected)}.`,
        ...named,
      };
    case 'unrecognized_keys': {
      const path = fieldOf([...issue.path, issue.keys[0] ?? '']);
      return {
        code: 'invalid_field',
        message: `${subject} does not have the field ${issue.keys.join(', ')}.`,
        field: path,
      };
    }
    case 'custom': {
      const code: unknown = issue.params?.['code'];
      if (code === 'invalid_ref') return { code, message: issue.message, ...named, status: 400 };
      return { code: isIssueCode(code) ? code : 'invalid_field_value', message: issue.message, ...named };
    }
    default:
      return { code: 'invalid_field_value', message: `${subject} has an invalid value.`, ...named };
  }
}

function isAbsent(issue: z.core.$ZodIssue): boolean {
  const required = issue.code === 'invalid_type' || issue.code === 'invalid_value' || issue.code === 'invalid_union';
  return required && (issue.input === undefined || issue.input === null);
}

function typeName(expected: string): string {
  if (expected === 'record') return 'object';
  return expected === 'int' ? 'integer' : expected;
}
