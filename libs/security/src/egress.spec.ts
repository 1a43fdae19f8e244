import { connect } from 'node:net';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { EgressGuard, EgressRefusedError, type ResolveAddresses } from './egress.js';

const resolvesTo =
  (...addresses: string[]): ResolveAddresses =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

describe('EgressGuard.allows', () => {
  const guard = new EgressGuard([]);

  it.each(['1.1.1.1', '8.8.8.8', '93.184.216.34', '2606:4700:4700::1111', '::ffff:8.8.8.8'])('%s', (address) => {
    expect(guard.allows(address)).toBe(true);
  });

  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['0.0.0.0', 'this host'],
    ['0.1.2.3', 'this network'],
    ['10.1.2.3', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['169.254.169.254', 'metadata service'],
    ['169.254.0.1', 'link-local'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['240.0.0.1', 'reserved'],
    ['192.0.2.1', 'documentation'],
    ['198.18.0.1', 'benchmarking'],
    ['::1', 'loopback'],
    ['::', 'unspecified'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local with zone'],
    ['fc00::1', 'unique local'],
    ['fd00:ec2::254', 'metadata service'],
    ['ff02::1', 'multicast'],
    ['::ffff:127.0.0.1', 'mapped loopback'],
    ['::ffff:7f00:1', 'mapped loopback, hex'],
    ['::ffff:169.254.169.254', 'mapped metadata service'],
    ['::127.0.0.1', 'IPv4-compatible loopback'],
    ['64:ff9b::7f00:1', 'NAT64 loopback'],
    ['2002:7f00:1::', '6to4 loopback'],
    ['2001:db8::1', 'documentation'],
    ['localhost', 'no address'],
    ['', 'no address'],
    ['2130706433', 'no address in this form'],
  ])('refuses %s (%s)', (address) => {
    expect(guard.allows(address)).toBe(false);
  });

  it('lets the operator allow networks and single addresses', () => {
    const allowing = new EgressGuard(['127.0.0.0/8', 'fd00::/8', ' 10.0.0.5 ', '::1']);
    expect(['127.0.0.1', '::ffff:127.0.0.1', 'fd12::1', '10.0.0.5', '::1'].map((a) => allowing.allows(a))).toEqual(
      Array(5).fill(true),
    );
    expect(['10.0.0.6', '169.254.169.254', 'fe80::1'].map((a) => allowing.allows(a))).toEqual(Array(3).fill(false));
  });

  it('refuses to start with an allowance that is no network', () => {
    expect(() => new EgressGuard(['10.0.0.0/33'])).toThrow('"10.0.0.0/33" is not a network');
    expect(() => new EgressGuard(['localhost'])).toThrow('"localhost" is not a network');
  });
});

describe('EgressGuard.resolve', () => {
  it.each([
    'localhost',
    'localhost.',
    '127.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '2130706433', // decimal
    '0x7f000001', // hexadecimal
    '0177.0.0.1', // octal
    '127.1', // short
  ])('refuses loopback spelled %s', async (host) => {
    // Some resolvers do not know the odd spellings; then there is no address at all, which is as good.
    await expect(new EgressGuard([]).resolve(host)).rejects.toMatchObject({
      code: expect.stringMatching(/^(EGRESS_REFUSED|ENOTFOUND|EAI_AGAIN)$/) as unknown as string,
    });
  });

  it('keeps only the addresses that may be reached', async () => {
    const guard = new EgressGuard([], resolvesTo('10.0.0.1', '93.184.216.34', '::1'));
    expect(await guard.resolve('mixed.example')).toEqual([{ address: '93.184.216.34', family: 4 }]);
  });

  it('names host and addresses in the refusal', async () => {
    const guard = new EgressGuard([], resolvesTo('10.0.0.1'));
    await expect(guard.resolve('inside.example')).rejects.toEqual(
      new EgressRefusedError('inside.example', ['10.0.0.1']),
    );
  });
});

describe('EgressGuard.lookup', () => {
  it('pins: the socket uses the address that was checked, and the name is resolved once', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const answers = ['127.0.0.1', '10.9.9.9'];
    let asked = 0;
    const rebinding: ResolveAddresses = async () => [{ address: answers[asked++]!, family: 4 }];

    const socket = connect({ host: 'rebind.example', port, lookup: new EgressGuard(['127.0.0.1'], rebinding).lookup });
    await once(socket, 'connect');

    expect(socket.remoteAddress).toBe('127.0.0.1');
    expect(asked).toBe(1);
    socket.destroy();
    server.close();
  });

  it('fails the connection of a name that answers with a forbidden address the second time', async () => {
    const guard = new EgressGuard([], resolvesTo('169.254.169.254'));
    const socket = connect({ host: 'metadata.example', port: 80, lookup: guard.lookup });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('EGRESS_REFUSED');
  });

  it('refuses literals, which sockets never look up, through assertLiteral', () => {
    const guard = new EgressGuard([]);
    expect(() => guard.assertLiteral('127.0.0.1')).toThrow(EgressRefusedError);
    expect(() => guard.assertLiteral('[::1]')).toThrow(EgressRefusedError);
    expect(() => guard.assertLiteral('8.8.8.8')).not.toThrow();
    expect(() => guard.assertLiteral('example.com')).not.toThrow();
  });
});
