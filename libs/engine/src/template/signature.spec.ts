import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { compileTemplate } from './compile-template.js';
import type { SignedRequest } from './template.js';

const accessKey = 'AKIDEXAMPLE';
const secretKey = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const template = (more = '') => `{{{aws4 "${accessKey}" "${secretKey}" ${more}}}}`;

const sign = (request: Partial<SignedRequest>, text: string) =>
  compileTemplate(text, { target: 'header', source: 'resource' }).render(
    {},
    {
      nowMs: () => 0,
      request: {
        method: 'GET',
        url: new URL('https://example.amazonaws.com/'),
        headers: { 'X-Amz-Date': '20150830T123600Z' },
        body: '',
        ...request,
      },
    },
  );

describe('aws4 (handlebars §4.7)', () => {
  // Published test vectors of Signature Version 4.
  it.each<[string, Partial<SignedRequest>, string]>([
    ['get-vanilla', {}, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', { method: 'POST' }, '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'get-vanilla-query-order-key-case',
      { url: new URL('https://example.amazonaws.com/?Param2=value2&Param1=value1') },
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
  ])('signs %s', (_, request, signature) => {
    expect(sign(request, template('"" "us-east-1" "service"'))).toBe(
      `AWS4-HMAC-SHA256 Credential=${accessKey}/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    );
  });

  it('takes region and service from the address', () => {
    const request = {
      url: new URL('https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08'),
      headers: {
        'X-Amz-Date': '20150830T123600Z',
        'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
      },
    };
    expect(sign(request, template('null "" ""'))).toBe(
      `AWS4-HMAC-SHA256 Credential=${accessKey}/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7`,
    );
    const queue = { url: new URL('https://sqs.eu-central-1.amazonaws.com/1/q') };
    expect(sign(queue, template())).toContain('/20150830/eu-central-1/sqs/aws4_request');
    const search = { url: new URL('https://books.us-west-2.es.amazonaws.com/_search') };
    expect(sign(search, template())).toContain('/20150830/us-west-2/es/aws4_request');
  });

  it('signs the session token', () => {
    expect(sign({}, template('"token" "us-east-1" "service"'))).toContain(
      'SignedHeaders=host;x-amz-date;x-amz-security-token,',
    );
  });

  it('needs a date, and a request', () => {
    expect(sign({ headers: {} }, template())).toMatchObject({ message: expect.stringContaining('X-Amz-Date') });
    const without = compileTemplate(template(), { target: 'text', source: 'resource' }).render({}, { nowMs: () => 0 });
    expect(without).toMatchObject({ message: expect.stringContaining('no request to sign') });
  });
});

describe('templates over the request (handlebars §7)', () => {
  it('have a draft without the signature', () => {
    const compiled = compileTemplate(
      '/o?id={{record.id}}{{#if hmacOptions.body}}&b=1{{/if}}&sign={{hash "md5" "hex" hmacOptions.orderedQueryParams}}',
      { target: 'uri', source: 'resource' },
    );
    const context = { record: { id: 7 }, hmacOptions: { orderedQueryParams: 'id=7', body: '' } };
    expect(compiled.draft?.render({ record: { id: 7 } }, { nowMs: () => 0 })).toBe('/o?id=7&sign=');
    expect(compiled.render(context, { nowMs: () => 0 })).toBe(
      `/o?id=7&sign=${createHash('md5').update('id=7').digest('hex')}`,
    );
  });

  it('are told from others', () => {
    for (const text of ['{{record.hashOptions}}', '{{#each xs}}{{hashOptions}}{{/each}}', 'x'])
      expect(compileTemplate(text, { target: 'uri', source: 'resource' }).draft).toBeUndefined();
    for (const text of ['{{aws4 "a" "b"}}', '{{@root.hmacOptions.URI}}', '{{getValue "hashOptions.body"}}'])
      expect(compileTemplate(text, { target: 'uri', source: 'resource' }).draft).toBeDefined();
  });
});
