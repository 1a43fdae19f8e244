import { defineCodes } from '#failures';

/** Failures of users' functions. `invalid_extension_response` is the engine's, which raises it too. */
export const sandboxCodes = defineCodes('scripts', {
  script_error: {
    retry: 'never',
    help: 'The script threw an error that has no code of its own. The message is the script’s, with the line it came from.',
  },
  script_invalid: {
    retry: 'never',
    help: 'The script cannot be loaded: it is malformed, or imports something else than integrator-api, dayjs and sjcl. Correct it and run again.',
  },
  script_function_missing: {
    retry: 'never',
    help: 'The script has no function of this name. Names are case-sensitive; the function must stand at the top level of the script.',
  },
  script_missing: {
    retry: 'never',
    help: 'The script that the step names was not there when the run started. Correct the reference and run again.',
  },
  script_timeout: {
    retry: 'never',
    help: 'The script ran longer than it may. Look for endless loops, and do less per call: lower the page size.',
  },
  script_memory_exceeded: {
    retry: 'never',
    help: 'The script used more memory than it may. Lower the page size, or keep less between pages.',
  },
  script_crashed: {
    retry: 'never',
    help: 'The script made the JavaScript engine stop. Look for enormous strings and arrays.',
  },
  script_quarantined: {
    retry: 'backoff',
    help: 'The script brought its sandbox down twice in a short time and is not run for a minute. Correct it, then retry.',
  },
  host_calls_exceeded: {
    retry: 'never',
    help: 'One call of a function called the platform (exports, imports, state) more than 100 times. Give many records to one call, or lower the page size.',
  },
  request_size_exceeded: {
    retry: 'never',
    help: 'A script gave a function of integrator-api more than 5 MB. Give it less at a time.',
  },
  invalid_argument: {
    retry: 'never',
    help: 'A script called a function of integrator-api with an argument that it does not take. The message says which.',
  },
  response_size_exceeded: {
    retry: 'never',
    help: 'A function returned more than 5 MB. Return less, or lower the page size.',
  },
});

/** Registered by the engine, which judges the shape of what functions return. */
export const invalidResponse = 'invalid_extension_response';
