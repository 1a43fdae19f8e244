import { defineCodes } from '#failures';

/** Codes of requests that somebody waits for: the API answers with them, calls of scripts throw them. */
export const tryOutCodes = defineCodes('try-outs', {
  invalid_json: { http: 400, retry: 'never', help: 'The body is not JSON, or nested too deeply.' },
  invalid_paged_state: {
    http: 422,
    retry: 'never',
    help: 'Send the pagedExportState of the last answer back unchanged, with the same export, or leave it out to begin anew.',
  },
  not_a_lookup: {
    http: 422,
    retry: 'never',
    help: 'Only a lookup takes records in data: an export with isLookup true. Leave data out, or name a lookup.',
  },
  answer_too_large: { http: 422, retry: 'never', help: 'Ask for less: fewer records, or page by page.' },
  too_many_try_outs: { http: 429, retry: 'backoff', help: 'Wait for the seconds in Retry-After, then send again.' },
  try_out_timeout: {
    http: 504,
    retry: 'backoff',
    help: 'It took longer than 120 s. Ask for less, or look at why the application or the script is slow.',
  },
});
