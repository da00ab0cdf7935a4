/** The part of the table of settings that says who may call. */
import * as z from 'zod';
import { SCOPE, scopesIn } from '../auth/access-token.ts';
import { MIN_TOKEN_CHARS, parseStaticTokens, type StaticToken } from '../auth/static-tokens.ts';
import { setting } from './setting.ts';
import { issuerUrl, list, optional, origin, secretKeys } from './values.ts';

/** Tokens, the authorization server, scopes and keys, by their names in `Config`. */
export const AUTH_SETTINGS = {
  authTokens: setting({
    variable: 'MCP_AUTH_TOKENS',
    fallback: '',
    // Commas alone must not count as an empty list: callers would be unauthenticated.
    schema: z
      .string()
      .regex(/^$|[^,\s]/)
      .pipe(list(z.string()))
      .transform(parseStaticTokens)
      .pipe(z.custom<StaticToken[]>(Array.isArray)),
    expected: `name:token or name:token:scopes, separated by commas, with different names, and tokens of ${MIN_TOKEN_CHARS} or more of A-Z a-z 0-9 - . _ ~ + /`,
    meaning: 'Static bearer tokens, as `name:token` or `name:token:scope scope`, separated by commas',
    secret: true,
  }),
  oauthIssuer: setting({
    variable: 'MCP_OAUTH_ISSUER',
    fallback: '',
    schema: optional(issuerUrl),
    expected: 'the https URL of an authorization server exactly as in iss; http only on localhost or 127.0.0.1',
    meaning: 'Authorization server whose access tokens are accepted, exactly as in their `iss`',
  }),
  oauthIssuerAddress: setting({
    variable: 'MCP_OAUTH_ISSUER_ADDRESS',
    fallback: '',
    schema: optional(origin),
    expected: 'the scheme, host and port of the authorization server as this server reaches it, without a path',
    meaning:
      'Origin at which this server reaches the issuer, if that is not the one in its name, as between containers',
  }),
  oauthAudience: setting({
    variable: 'MCP_OAUTH_AUDIENCE',
    fallback: '',
    schema: optional(z.string().regex(/^\S+$/)),
    expected: 'the name of this server in aud, without spaces',
    meaning: 'Name of this server in the `aud` of access tokens, if the issuer cannot use its URL',
  }),
  requiredScopes: setting({
    variable: 'MCP_REQUIRED_SCOPES',
    fallback: '',
    schema: z
      .string()
      .transform(scopesIn)
      .pipe(z.array(z.string().regex(SCOPE))),
    expected: 'scopes separated by spaces',
    meaning: 'Scopes that every request needs, separated by spaces',
  }),
  introspectionClientId: setting({
    variable: 'MCP_INTROSPECTION_CLIENT_ID',
    fallback: '',
    schema: optional(z.string().min(1)),
    expected: 'a client id',
    meaning: 'With the secret: the issuer is asked about every token (RFC 7662), as this client',
  }),
  introspectionClientSecret: setting({
    variable: 'MCP_INTROSPECTION_CLIENT_SECRET',
    fallback: '',
    schema: optional(z.string().min(1)),
    expected: 'a client secret',
    meaning: 'Secret of that client',
    secret: true,
  }),
  stateKeys: setting({
    variable: 'MCP_STATE_KEY',
    fallback: '',
    schema: secretKeys,
    expected: 'a key of 32 bytes in hex, base64 or base64url, or several different ones, separated by commas',
    meaning:
      'Key of 32 bytes in hex, base64 or base64url that signs `requestState`, the same on all nodes; of several, separated by commas, the first signs. By default a random one of the process',
    secret: true,
  }),
};
