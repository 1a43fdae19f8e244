import { describe, expect, it } from '@jest/globals';
import { cutUtf8, isSensitiveName, MASK, Redactor } from './mask.js';

describe('isSensitiveName', () => {
  it.each([
    'Authorization',
    'Cookie',
    'set-cookie',
    'X-API-Key',
    'api_key',
    'access_token',
    'clientSecret',
    'Password',
    'X-WSSE',
    'X-Amz-Signature',
    'sig',
  ])('%s is', (name) => expect(isSensitiveName(name)).toBe(true));
  it.each([
    'Content-Type',
    'Accept',
    'Idempotency-Key',
    'Retry-After',
    'page',
    'nextPageToken',
    'X-Request-Id',
    'monkey',
  ])('%s is not', (name) => expect(isSensitiveName(name)).toBe(false));
});

describe('Redactor', () => {
  const redactor = new Redactor(['s3cr3t pass"word', 'abc']);

  it.each([
    ['raw', 'login failed for s3cr3t pass"word', `login failed for ${MASK}`],
    ['in a URL', 'x=s3cr3t%20pass%22word', `x=${MASK}`],
    ['in a form', 'x=s3cr3t+pass%22word', `x=${MASK}`],
    ['in JSON', '{"p":"s3cr3t pass\\"word"}', `{"p":"${MASK}"}`],
    ['in Base64', Buffer.from('s3cr3t pass"word').toString('base64'), MASK],
    ['too short to be searched for', 'abc', 'abc'],
  ])('removes a known secret: %s', (_form, text, expected) => {
    expect(redactor.text(text)).toBe(expected);
  });

  it('masks headers by name and by content', () => {
    expect(
      redactor.headers({
        Authorization: 'Bearer x',
        'X-Trace': 's3cr3t pass"word!',
        accept: ['a', 'b'],
        gone: undefined,
      }),
    ).toEqual({ Authorization: MASK, 'X-Trace': `${MASK}!`, accept: 'a, b' });
  });

  it('is not fooled by a header called __proto__', () => {
    const headers = redactor.headers(JSON.parse('{"__proto__":"x"}') as Record<string, string>);
    expect(Object.keys(headers)).toEqual(['__proto__']);
  });

  it.each([
    ['https://u:p@h.example/a?b=1', `https://${MASK}@h.example/a?b=1`],
    ['https://h.example/a?access_token=zzz&b=1#c', `https://h.example/a?access_token=${MASK}&b=1#c`],
    ['https://h.example/?api%5Fkey=zzz', `https://h.example/?api%5Fkey=${MASK}`],
    ['https://h.example/?%E0%A4%A=1', 'https://h.example/?%E0%A4%A=1'],
  ])('masks %s', (url, expected) => {
    expect(redactor.url(url)).toBe(expected);
  });

  it('cuts bodies after masking and never inside a character', () => {
    expect(redactor.body(`s3cr3t pass"word and ${'é'.repeat(20)}`, 16)).toBe(`${MASK} and éé`);
    expect(redactor.body(Buffer.from('s3cr3t pass"word'), 100)).toBe(MASK);
  });
});

describe('cutUtf8', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'abc'],
    ['ééé', 3, 'é'],
    ['😀😀', 7, '😀'],
    ['😀', 2, ''],
  ])('%j to %i bytes is %j', (text, bytes, expected) => {
    expect(cutUtf8(text, bytes)).toBe(expected);
  });
});
