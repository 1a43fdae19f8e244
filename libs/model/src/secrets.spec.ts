import { describe, expect, it } from '@jest/globals';
import { resourceTypes } from './resource-type.js';
import { masked, openSecrets, sealSecrets, withStoredSecrets } from './secrets.js';

const { secrets } = resourceTypes.connections;
const connection = {
  name: 'Shop',
  type: 'http',
  http: {
    baseURI: 'https://shop.example',
    auth: { type: 'token', token: { token: 't0ps3cret', refreshToken: 'r3fresh' } },
    encrypted: { apiKey: 'k3y' },
  },
};
const seal = (plaintext: string, field: string) => `sealed(${field})${plaintext}`;
const open = (text: string, field: string) =>
  text.startsWith(`sealed(${field})`) ? text.slice(`sealed(${field})`.length) : null;

describe('secrets of a document', () => {
  it('read back as six asterisks, a whole encrypted object included', () => {
    expect(masked(connection, secrets).http).toEqual({
      baseURI: 'https://shop.example',
      auth: { type: 'token', token: { token: '******', refreshToken: '******' } },
      encrypted: '******',
    });
  });

  it('are sealed under their path and open again to what they were', () => {
    const sealed = sealSecrets(connection, secrets, seal);
    expect(JSON.stringify(sealed)).not.toContain('"t0ps3cret"');
    expect(sealed.http.auth.token.token).toBe('sealed(http.auth.token.token)"t0ps3cret"');
    expect(openSecrets(sealed, secrets, open)).toEqual(connection);
  });

  it('that come back masked keep the stored value; those left out are lost', () => {
    const stored = sealSecrets(connection, secrets, seal);
    const sent = { http: { auth: { token: { token: '******' } }, encrypted: '******' } };
    const kept = withStoredSecrets(sealSecrets(sent, secrets, seal), stored, secrets);
    expect(openSecrets(kept, secrets, open)).toEqual({
      http: { auth: { token: { token: 't0ps3cret' } }, encrypted: { apiKey: 'k3y' } },
    });
  });

  it('that were never stored cannot be kept', () => {
    expect(withStoredSecrets({ http: { encrypted: '******' } }, {}, secrets)).toEqual({ http: {} });
  });

  it('leave the given document alone', () => {
    masked(connection, secrets);
    expect(connection.http.auth.token.token).toBe('t0ps3cret');
  });
});
