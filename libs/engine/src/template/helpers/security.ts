import { createHash, createHmac } from 'node:crypto';
import { signAws4 } from './aws4.js';
import { isMissing, text } from './arguments.js';
import type { ScopeHelper, ValueHelper } from './types.js';

type DigestEncoding = 'hex' | 'base64' | 'base64url';

const digestEncodings: ReadonlySet<string> = new Set(['hex', 'base64', 'base64url']);

function digestEncoding(value: unknown, helper: string): DigestEncoding {
  const name = text(value);
  if (!digestEncodings.has(name)) throw new Error(`${helper}: the encoding must be hex or base64, not '${name}'.`);
  return name as DigestEncoding;
}

function keyEncoding(value: unknown): 'utf8' | 'base64' {
  const name = isMissing(value) ? 'utf8' : text(value);
  if (name !== 'utf8' && name !== 'base64') throw new Error(`hmac: the key is utf8 or base64, not '${name}'.`);
  return name;
}

/** @throws Error that names the helper; Node's own does not */
function known<T>(helper: string, algorithm: unknown, make: (name: string) => T): T {
  try {
    return make(text(algorithm));
  } catch {
    throw new Error(`${helper}: the algorithm '${text(algorithm)}' is not known.`);
  }
}

/** Reference: handlebars §4.7. Digests of values at hand: computation, no I/O. */
export const digestHelpers: Readonly<Record<string, ValueHelper>> = {
  hash: (algorithm, encoding, value) =>
    known('hash', algorithm, createHash).update(text(value)).digest(digestEncoding(encoding, 'hash')),
  hmac: (algorithm, key, encoding, value, ofKey) => {
    const secret = Buffer.from(text(key), keyEncoding(ofKey));
    return known('hmac', algorithm, (name) => createHmac(name, secret))
      .update(text(value))
      .digest(digestEncoding(encoding, 'hmac'));
  },
};

export const signatureHelpers: Readonly<Record<string, ScopeHelper>> = {
  /** The `Authorization` value of the request that is being built. */
  aws4: ({ environment }, accessKey, secretKey, sessionToken, region, service) => {
    const { request } = environment;
    if (request === undefined) throw new Error('aws4: there is no request to sign here.');
    return signAws4(request, {
      accessKey: text(accessKey),
      secretKey: text(secretKey),
      sessionToken: text(sessionToken),
      region: text(region),
      service: text(service),
    });
  },
};
