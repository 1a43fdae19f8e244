import { describe, expect, it } from '@jest/globals';
import { classify, type Classifiable } from './classify.js';

const failure = (change: Partial<Classifiable>): Classifiable => ({
  code: 'x',
  message: '',
  source: 'application',
  ...change,
});

/** Reference: errors §5. */
describe('classification of an HTTP status', () => {
  it.each([
    [400, 'value'],
    [401, 'connection'],
    [403, 'connection'],
    [404, 'missing'],
    [405, 'value'],
    [408, 'intermittent'],
    [409, 'duplicate'],
    [410, 'missing'],
    [413, 'too_large'],
    [422, 'value'],
    [429, 'governance'],
    [500, 'intermittent'],
    [501, 'intermittent'],
    [502, 'intermittent'],
    [503, 'intermittent'],
    [504, 'intermittent'],
  ] as const)('%d is %s, as code and as status of the exchange', (status, expected) => {
    expect(classify(failure({ code: String(status) }))).toBe(expected);
    expect(classify(failure({ code: 'closed_salesorder', status }))).toBe(expected);
  });

  it('of a success says nothing', () => {
    expect(classify(failure({ code: 'closed_salesorder', status: 200 }))).toBeNull();
  });
});

describe('classification of a code', () => {
  it.each([
    ['timeout', 'application', 'intermittent'],
    ['timeout', 'connection', 'intermittent'],
    ['connection_reset', 'connection', 'intermittent'],
    ['connection_refused', 'connection', 'connection'],
    ['dns_error', 'connection', 'connection'],
    ['tls_error', 'connection', 'connection'],
    ['egress_refused', 'connection', 'connection'],
    ['record_too_large', 'internal', 'too_large'],
    ['parse_error', 'resource', 'parse'],
    ['handlebars_template_parse_error', 'mapping', 'parse'],
    ['missing_required_field', 'mapping', 'missing'],
    ['response_failure', 'application', 'missing'],
    ['invalid_value', 'mapping', 'value'],
    ['23505', 'application', 'duplicate'],
  ] as const)('%s from %s is %s', (code, source, expected) => {
    expect(classify(failure({ code, source }))).toBe(expected);
  });
});

describe('classification of a message', () => {
  it.each([
    ['Customer with this email already exists', 'application', 'duplicate'],
    ['duplicate key value violates unique constraint "orders_pkey"', 'application', 'duplicate'],
    ['API rate limit exceeded, retry later', 'application', 'governance'],
    ['You are over your daily quota', 'application', 'governance'],
    ['request timed out', 'application', 'intermittent'],
    ['socket hang up', 'connection', 'intermittent'],
    ['connect ECONNREFUSED', 'application', 'connection'],
    ['self-signed certificate in certificate chain', 'connection', 'connection'],
    ['Invalid access token', 'application', 'connection'],
    ['The item was not found', 'application', 'missing'],
    ['Unexpected token < in JSON', 'resource', 'parse'],
    ['The name is too long: it must have at most 24 characters', 'application', 'value'],
    ['The payload is too large', 'application', 'too_large'],
  ] as const)('"%s" from %s is %s', (message, source, expected) => {
    expect(classify(failure({ message, source }))).toBe(expected);
  });

  it('of a refused request as a duplicate holds for 400 and 422', () => {
    expect(classify(failure({ code: '422', message: 'name has already been taken' }))).toBe('duplicate');
    expect(classify(failure({ code: '400', message: 'duplicate external id' }))).toBe('duplicate');
  });

  it('of a 403 that is a rate limit is governance', () => {
    expect(classify(failure({ code: '403', message: 'API rate limit exceeded' }))).toBe('governance');
  });

  it('never makes a refused request intermittent: it would be repeated by itself', () => {
    for (let status = 400; status < 500; status += 1) {
      if (status === 408 || status === 425) continue;
      expect(classify(failure({ code: String(status), message: 'timed out, service unavailable' }))).not.toBe(
        'intermittent',
      );
    }
  });

  it("never makes a user script's message intermittent", () => {
    expect(classify(failure({ source: 'pre_map_hook', message: 'the lookup timed out' }))).toBeNull();
  });
});

describe('classification', () => {
  it('of whoever knew better than the rules stands', () => {
    expect(classify(failure({ code: '500', classification: 'governance' }))).toBe('governance');
  });

  it('that is not one of the known ones is ignored', () => {
    expect(classify(failure({ code: '500', classification: 'cosmic' }))).toBe('intermittent');
  });

  it('is none when no rule applies', () => {
    expect(classify(failure({ code: 'closed_salesorder', message: 'The order is closed' }))).toBeNull();
  });

  it('uses the first rule that applies', () => {
    const rules = [
      { when: { codes: ['a'], sources: ['mapping'] }, is: 'value' },
      { when: { codes: ['a'] }, is: 'missing' },
      { when: {}, is: 'parse' },
    ] as const;
    expect([
      classify(failure({ code: 'a', source: 'mapping' }), rules),
      classify(failure({ code: 'a' }), rules),
      classify(failure({ code: 'b' }), rules),
    ]).toEqual(['value', 'missing', 'parse']);
  });

  it('of a hostile message takes linear time', () => {
    const began = performance.now();
    for (const message of [
      'a'.repeat(4_096),
      'invalid '.repeat(512),
      'exceeds the maximum '.repeat(200),
      'un'.repeat(2_048),
    ]) {
      classify(failure({ message }));
    }
    expect(performance.now() - began).toBeLessThan(100);
  });
});
