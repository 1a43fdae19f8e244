import type { Classification, FailureSource } from '#failures';

/** What must hold of an error for a rule to apply; everything that is given must. */
export interface RuleCondition {
  /** Error codes, exactly as stored. */
  readonly codes?: readonly string[];
  /** HTTP statuses, single or as `[from, to]`; the status is the code when that is one, else that of the exchange. */
  readonly statuses?: readonly (number | readonly [number, number])[];
  readonly sources?: readonly FailureSource[];
  /** Tested against the message. Must run in linear time: messages come from strangers. */
  readonly message?: RegExp;
}

export interface ClassificationRule {
  readonly when: RuleCondition;
  readonly is: Classification;
}

const duplicate =
  /\bduplicate|already (?:exists|been taken|in use|registered)|unique (?:constraint|key|index|violation)/i;
const rateLimit = /rate.?limit|too many requests|\bquota\b|throttl|concurrency limit|governance/i;
const transient =
  /timed? ?out|temporar(?:il)?y unavailable|service unavailable|socket hang up|connection (?:was )?reset|deadlock|ECONNRESET|ETIMEDOUT|EPIPE/i;
const offline =
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|certificate|self.signed|unauthori[sz]ed|invalid (?:access )?(?:token|credentials|api key)|authentication failed|login failed/i;
const absent = /not found|does not exist|no longer exists|no such|could not be found|missing required/i;
const malformed =
  /unexpected (?:token|end)|malformed|not (?:valid|well.formed) (?:json|xml|csv)|invalid (?:json|xml|csv)|parse error|failed to parse/i;
const unacceptable = /\bmust (?:be|have|not)\b|\bis (?:invalid|not valid|required)\b|\btoo (?:long|short|high|low)\b/i;
const oversized = /too large|payload size|(?:exceeds|over) the (?:maximum )?(?:size|length)|request entity/i;

/**
 * Classifies errors by code, status, source and message; the first rule that applies wins, none leaves the error
 * unclassified. Reference: errors §5, decisions 12, 14, 15.
 *
 * A client error (4xx) is never made `intermittent` by its message: only `intermittent` errors are retried by
 * themselves, and repeating a refused request is the user's decision.
 */
export const classificationRules: readonly ClassificationRule[] = [
  { when: { codes: ['timeout', 'connection_reset', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE'] }, is: 'intermittent' },
  {
    when: {
      codes: [
        'connection_refused',
        'dns_error',
        'tls_error',
        'egress_refused',
        'ECONNREFUSED',
        'ENOTFOUND',
        'too_many_redirects',
      ],
    },
    is: 'connection',
  },
  { when: { codes: ['record_too_large', 'page_too_large', 'response_too_large', 'too_large'] }, is: 'too_large' },
  { when: { codes: ['parse_error', 'handlebars_template_parse_error'] }, is: 'parse' },
  { when: { codes: ['missing_required_field'] }, is: 'missing' },
  { when: { codes: ['duplicate', 'duplicate_key', '23505'] }, is: 'duplicate' },
  { when: { codes: ['rate_limited', 'rate_limit_exceeded'] }, is: 'governance' },
  { when: { statuses: [429] }, is: 'governance' },
  { when: { statuses: [409] }, is: 'duplicate' },
  { when: { statuses: [413, 414, 431] }, is: 'too_large' },
  { when: { statuses: [403], message: rateLimit }, is: 'governance' },
  { when: { statuses: [401, 403, 407] }, is: 'connection' },
  { when: { statuses: [404, 410] }, is: 'missing' },
  { when: { statuses: [408, 425, [500, 599]] }, is: 'intermittent' },
  { when: { statuses: [400, 422], message: duplicate }, is: 'duplicate' },
  { when: { statuses: [400, 422] }, is: 'value' },
  { when: { statuses: [[400, 499]] }, is: 'value' },
  { when: { codes: ['invalid_value', 'invalid_field_value', 'invalid_field', 'enum', 'min', 'max'] }, is: 'value' },
  { when: { message: duplicate }, is: 'duplicate' },
  { when: { message: rateLimit }, is: 'governance' },
  { when: { sources: ['application', 'connection', 'lookup'], message: transient }, is: 'intermittent' },
  { when: { sources: ['application', 'connection', 'lookup'], message: offline }, is: 'connection' },
  { when: { message: oversized }, is: 'too_large' },
  { when: { message: malformed }, is: 'parse' },
  { when: { message: absent }, is: 'missing' },
  { when: { message: unacceptable }, is: 'value' },
  // The documented sample of an unexpected value at the success path is `missing`.
  { when: { codes: ['response_failure'] }, is: 'missing' },
  { when: { sources: ['connection'] }, is: 'connection' },
];
