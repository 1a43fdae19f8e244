import { z } from 'zod';
import { anyObject, nameValues, ref } from './fields.js';

const stringsOrOne = () => z.array(z.string());
const hmacAndRsa = ['hmac-sha256', 'hmac-sha384', 'hmac-sha512', 'rsa-sha256', 'rsa-sha384', 'rsa-sha512'] as const;

/** Reference: resources §6.4. */
export const httpAuth = () =>
  z.object({
    type: z
      .enum([
        'custom',
        'basic',
        'token',
        'oauth',
        'wsse',
        'cookie',
        'jwt',
        'digest',
        'specific',
        'oauth1',
        'jwtbearer',
        'awsiam',
      ])
      .optional(),
    failStatusCode: z.number().int().optional(),
    failPath: z.string().optional(),
    failValues: stringsOrOne().optional(),
    failures: z.array(z.object({ statusCode: z.number().int().optional() })).optional(),
    skipFollowAuthorizationHeader: z.boolean().optional(),
    basic: z.object({ username: z.string().optional(), password: z.string().optional() }).optional(),
    token: z
      .object({
        token: z.string().optional(),
        location: z.enum(['url', 'header', 'body']).optional(),
        headerName: z.string().optional(),
        scheme: z.string().optional(),
        paramName: z.string().optional(),
        refreshMethod: z.enum(['GET', 'POST', 'PUT']).optional(),
        refreshRelativeURI: z.string().optional(),
        refreshBody: z.string().optional(),
        refreshMediaType: z.enum(['json', 'urlencoded', 'xml', 'plaintext']).optional(),
        refreshResponseMediaType: z.enum(['json', 'xml']).optional(),
        refreshTokenPath: z.string().optional(),
        refreshToken: z.string().optional(),
        refreshTokenLocation: z.enum(['header', 'body']).optional(),
        refreshHeaders: nameValues().optional(),
        tokenPaths: z.array(z.string()).optional(),
        revoke: z
          .object({ uri: z.string().optional(), body: z.string().optional(), headers: nameValues().optional() })
          .optional(),
      })
      .optional(),
    oauth: z
      .object({
        type: z.enum(['custom', 'assistant']).optional(),
        grantType: z.enum(['authorizecode', 'clientcredentials', 'password']).optional(),
        authURI: z.string().optional(),
        tokenURI: z.string().optional(),
        scope: z.array(z.string()).optional(),
        scopeDelimiter: z.string().optional(),
        clientId: z.string().optional(),
        clientSecret: z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
        clientCredentialsLocation: z.enum(['basicauthheader', 'body']).optional(),
        accessTokenPath: z.string().optional(),
        accessTokenHeaders: nameValues().optional(),
        accessTokenBody: z.string().optional(),
        oauth2RedirectUrl: z.string().optional(),
        useIClientFields: z.boolean().optional(),
        skipOauthValidations: z.boolean().optional(),
        pkceCodeVerifier: z.string().optional(),
        oauth1: z
          .object({
            consumerKey: z.string().optional(),
            consumerSecret: z.string().optional(),
            accessToken: z.string().optional(),
            tokenSecret: z.string().optional(),
            signatureMethod: z
              .enum(['hmac-sha1', 'hmac-sha256', 'hmac-sha512', 'rsa-sha1', 'rsa-sha256', 'rsa-sha512', 'plaintext'])
              .optional(),
            consumerPrivateKey: z.string().optional(),
            realm: z.string().optional(),
          })
          .optional(),
      })
      .optional(),
    cookie: z
      .object({
        uri: z.string().optional(),
        method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']).optional(),
        body: z.string().optional(),
        successStatusCode: z.number().int().optional(),
      })
      .optional(),
    jwt: z
      .object({
        signatureMethod: z.enum([...hmacAndRsa, 'es256', 'es384', 'es512', 'ps256', 'ps384', 'ps512']).optional(),
        payload: anyObject().optional(),
        headers: anyObject().optional(),
        secret: z.string().optional(),
        isSecretBase64Encoded: z.boolean().optional(),
        privateKey: z.string().optional(),
        token: z.string().optional(),
      })
      .optional(),
    _iClientId: ref().optional(),
  });
export type HttpAuth = z.infer<ReturnType<typeof httpAuth>>;
