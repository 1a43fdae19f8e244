import { describe, expect, it } from '@jest/globals';
import { fromToken, Names, toToken } from './subjects.js';

describe('names on a NATS server', () => {
  it.each([
    ['0123456789abcdef', '0123456789abcdef'],
    ['a.b', 'a%2Eb'],
    ['*', '%2A'],
    ['>', '%3E'],
    ['a b', 'a%20b'],
    ['ü', '%C3%BC'],
    ["!~'()", '%21%7E%27%28%29'],
    ['%2E', '%252E'],
  ])('escapes %j to the one token %j, and back', (text, token) => {
    expect(toToken(text)).toBe(token);
    expect(fromToken(token)).toBe(text);
  });

  it('gives each queue and key a subject of its own', () => {
    const names = new Names('');
    expect(names.subject('work.page', 'run')).toBe('work.page.run');
    expect(names.runFilter('run')).toBe('work.*.run');
    expect(names.queueFilter('cmd.run.cancel')).toBe('cmd.run.cancel.*');
    expect(names.keyOf('cmd.run.cancel', 'cmd.run.cancel.a%2Eb')).toBe('a.b');
    expect(names.queueOf('work.retry.run')).toBe('work.retry');
    expect(names.queueOf('other.run')).toBeNull();
  });

  it('puts the prefix before everything', () => {
    const names = new Names('blue');
    expect([names.workStream, names.commandStream, names.deadStream, names.leaseStream]).toEqual([
      'blue_WORK',
      'blue_CMD',
      'blue_DEAD',
      'KV_blue_LEASES',
    ]);
    expect(names.keyOf('work.page', names.subject('work.page', 'run'))).toBe('run');
    expect(names.runFilter('run')).toBe('blue.work.*.run');
    expect(names.parseDeadSubject(names.deadSubject('a/1', 'cmd.run.cancel', 'k.e.y'))).toEqual({
      id: 'a/1',
      queue: 'cmd.run.cancel',
      key: 'k.e.y',
    });
  });

  it('refuses a prefix that is not one token', () => {
    expect(() => new Names('a.b')).toThrow(TypeError);
  });
});
