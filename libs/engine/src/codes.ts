import { defineCodes } from '#failures';

/** Failures of records that the engine raises. */
export const engineCodes = defineCodes('engine', {
  handlebars_template_parse_error: {
    retry: 'never',
    help: 'The template is malformed, reads a value that the record does not have, or takes too much work. The message says which.',
  },
  cast_failed: {
    retry: 'never',
    help: 'The value cannot be converted to the data type of the field. Correct the record or the mapping.',
  },
  lookup_failed: {
    retry: 'never',
    help: 'The lookup has no value for the record, or several. Add it, allow failures on the lookup, or give it a default.',
  },
  mapping_failed: { retry: 'never', help: 'The record cannot be mapped. The message says why.' },
  filter_failed: { retry: 'never', help: 'The filter cannot judge the record. The message says why.' },
  invalid_extension_response: {
    retry: 'never',
    help: 'A function of the user returned something of another shape than its caller needs. The message says what.',
  },
  oneToMany_error: {
    retry: 'never',
    help: 'Children of the record failed: each has an error of its own, which can be retried. Or the step found no children that it could use: check pathToMany.',
  },
  hook_error: { retry: 'never', help: 'A hook reported this error without a code of its own.' },
});
