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
  readonly then: Classification;
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
const oversized = /too large|payload size|(?:exceeds|over) the (?:maximum )?(?:size|length)|request entity/i;

/**
 * Classifies errors by code, status, source and message; the first rule that applies wins, none leaves the error
 * unclassified. Reference: errors §5, decisions 12, 14, 15.
 *
 * A client error (4xx) is never made `intermittent` by its message: only `intermittent` errors are retried by
 * themselves, and repeating a refused request is the user's decision.
 */
export const classificationRules: readonly ClassificationRule[] = [
  { when: { codes: ['timeout', 'connection_reset', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE'] }, then: 'intermittent' },
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
    then: 'connection',
  },
  { when: { codes: ['record_too_large', 'page_too_large', 'response_too_large', 'too_large'] }, then: 'too_large' },
  { when: { codes: ['parse_error', 'handlebars_template_parse_error'] }, then: 'parse' },
  { when: { codes: ['missing_required_field'] }, then: 'missing' },
  { when: { codes: ['duplicate', 'duplicate_key', '23505'] }, then: 'duplicate' },
  { when: { codes: ['rate_limited', 'rate_limit_exceeded'] }, then: 'governance' },
  { when: { statuses: [429] }, then: 'governance' },
  { when: { statuses: [409] }, then: 'duplicate' },
  { when: { statuses: [413, 414, 431] }, then: 'too_large' },
  { when: { statuses: [403], message: rateLimit }, then: 'governance' },
  { when: { statuses: [401, 403, 407] }, then: 'connection' },
  { when: { statuses: [404, 410] }, then: 'missing' },
  { when: { statuses: [408, 425, [500, 599]] }, then: 'intermittent' },
  { when: { statuses: [400, 422], message: duplicate }, then: 'duplicate' },
  { when: { statuses: [400, 422] }, then: 'value' },
  { when: { statuses: [[400, 499]] }, then: 'value' },
  { when: { codes: ['invalid_value', 'invalid_field_value', 'invalid_field', 'enum', 'min', 'max'] }, then: 'value' },
  { when: { message: duplicate }, then: 'duplicate' },
  { when: { message: rateLimit }, then: 'governance' },
  { when: { sources: ['application', 'connection', 'lookup'], message: transient }, then: 'intermittent' },
  { when: { sources: ['application', 'connection', 'lookup'], message: offline }, then: 'connection' },
  { when: { message: oversized }, then: 'too_large' },
  { when: { message: malformed }, then: 'parse' },
  { when: { message: absent }, then: 'missing' },
  // The documented sample of an unexpected value at the success path is `missing`.
  { when: { codes: ['response_failure'] }, then: 'missing' },
  { when: { sources: ['connection'] }, then: 'connection' },
];
