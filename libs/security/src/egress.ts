import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An address that policy forbids. `code` survives the trip through sockets and HTTP clients. */
export class EgressRefusedError extends Error {
  override readonly name = 'EgressRefusedError';
  readonly code = 'EGRESS_REFUSED';
  constructor(
    readonly host: string,
    readonly addresses: readonly string[],
  ) {
    super(`The address of ${host} is private or reserved, and the operator does not allow it.`);
  }
}

/** Resolves a name to all of its addresses; `dns.lookup` unless a test gives another. */
export type ResolveAddresses = (host: string) => Promise<readonly LookupAddress[]>;

/**
 * Policy of outbound connections (P7). Only globally routable unicast addresses may be reached, and what the operator
 * allows. The rule is applied to the *addresses a socket is about to use*, inside name resolution, so neither an odd
 * spelling of an address nor a name that answers differently the second time gets around it.
 */
export class EgressGuard {
  readonly #allow: readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];
  readonly #resolve: ResolveAddresses;

  /**
   * @param allow networks that may be reached although private; CIDR notation or single addresses
   * @throws Error naming the entry that is no network
   */
  constructor(allow: readonly string[], resolve: ResolveAddresses = resolveBySystem) {
    this.#allow = allow.map((entry) => parseNetwork(entry.trim()));
    this.#resolve = resolve;
  }

  /** Whether one literal address may be reached. Anything that is no address is refused. */
  allows(address: string): boolean {
    const zoneless = address.replace(/%.*$/, '');
    if (!isIP(zoneless)) return false;
    const parsed = ipaddr.process(zoneless);
    return (
      this.#allow.some((network) => parsed.kind() === network[0].kind() && parsed.match(network)) || isPublic(parsed)
    );
  }

  /**
   * Resolves a host and keeps the addresses that may be reached.
   *
   * @param host name, address, or address in brackets
   * @returns at least one address
   * @throws EgressRefusedError when none may be reached; the resolver's error when there is none
   */
  async resolve(host: string): Promise<readonly LookupAddress[]> {
    const bare = stripBrackets(host);
    const family = isIP(bare);
    const addresses = family === 0 ? await this.#resolve(bare) : [{ address: bare, family }];
    const allowed = addresses.filter((candidate) => this.allows(candidate.address));
    if (allowed.length === 0) {
      throw new EgressRefusedError(
        host,
        addresses.map((candidate) => candidate.address),
      );
    }
    return allowed;
  }

  /**
   * Refuses a literal address before a socket is made: sockets do not look literals up.
   *
   * @throws EgressRefusedError
   */
  assertLiteral(host: string): void {
    const bare = stripBrackets(host);
    if (isIP(bare) !== 0 && !this.allows(bare)) throw new EgressRefusedError(host, [bare]);
  }

  /** For `net.connect` and everything built on it: answers with checked addresses only, which pins them. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    void this.#lookup(hostname, options, callback);
  };

  async #lookup(hostname: string, options: LookupOptions, callback: Parameters<LookupFunction>[2]): Promise<void> {
    let addresses: readonly LookupAddress[];
    try {
      const family = Number(String(options.family ?? 0).replace('IPv', ''));
      addresses = (await this.resolve(hostname)).filter((address) => family === 0 || address.family === family);
    } catch (error) {
      callback(error as NodeJS.ErrnoException, '', 0);
      return;
    }
    const [first] = addresses;
    if (first === undefined) {
      callback(
        Object.assign(new Error(`${hostname} has no address of the wanted family`), { code: 'ENOTFOUND' }),
        '',
        0,
      );
    } else if (options.all) {
      callback(null, [...addresses]);
    } else {
      callback(null, first.address, first.family);
    }
  }
}

function stripBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

function parseNetwork(entry: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  try {
    if (entry.includes('/')) return ipaddr.parseCIDR(entry);
    const address = ipaddr.process(entry);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  } catch (cause) {
    throw new Error(`${JSON.stringify(entry)} is not a network in CIDR notation.`, { cause });
  }
}

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast') return false;
  if (address.kind() === 'ipv4') return true;
  // `unicast` is what ipaddr.js calls everything it has no other name for, such as the deprecated IPv4-compatible
  // `::127.0.0.1`. Global unicast is 2000::/3 (RFC 4291 §2.4 and the IANA registry).
  return ((address as ipaddr.IPv6).parts[0]! & 0xe000) === 0x2000;
}

function resolveBySystem(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    dnsLookup(host, { all: true, order: 'verbatim' }, (error, addresses) =>
      error ? reject(error) : resolve(addresses),
    );
  });
}
