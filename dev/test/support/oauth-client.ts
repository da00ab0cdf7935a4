/**
 * The OAuth side of an application with an MCP client, for both generations of the SDK. It registers, keeps its tokens in
 * memory, and sends its user, a {@link Person}, to the authorization server.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import type {
  OAuthClientInformationMixed,
  OAuthClientProvider as ProviderV2,
  OAuthDiscoveryState,
  OAuthTokens,
} from '@modelcontextprotocol/client';
import type { OAuthClientProvider as ProviderV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import {
  connectHttp,
  finishAuth,
  httpTransport,
  type ClientKind,
  type HttpClient,
  type HttpOptions,
} from '../../../test/support/clients.ts';
import type { Answer, Person } from './person.ts';

/** Nothing listens there: the person brings the answer back. */
export const CALLBACK = 'http://127.0.0.1:33418/callback';

/** An application that signs its user in. */
export interface OAuthClient {
  provider: ProviderV1 & ProviderV2;
  /** The tokens that it has. */
  tokens(): OAuthTokens | undefined;
  /** The claims of its access token. */
  claims(): Record<string, unknown>;
  /** Loses its refresh token. */
  forgetRefreshToken(): void;
  /** Where it last sent its user. */
  takeRedirect(): URL;
}

interface Kept {
  client?: OAuthClientInformationMixed;
  tokens?: OAuthTokens;
  verifier?: string;
  discovery?: OAuthDiscoveryState;
}

/** Makes an application. With `clientMetadataUrl` it is known by that document and does not register. */
export function oauthClient({ clientMetadataUrl }: { clientMetadataUrl?: string } = {}): OAuthClient {
  const kept: Kept = {};
  const state = randomUUID();
  let redirect: URL | undefined;
  const provider: ProviderV2 & ProviderV1 = {
    redirectUrl: CALLBACK,
    clientMetadata: {
      client_name: 'Test',
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    ...(clientMetadataUrl !== undefined && { clientMetadataUrl }),
    state: () => state,
    clientInformation: () => kept.client,
    saveClientInformation: (client: OAuthClientInformationMixed) => void (kept.client = client),
    tokens: () => kept.tokens,
    saveTokens: (tokens: OAuthTokens) => void (kept.tokens = tokens),
    redirectToAuthorization: (url: URL) => void (redirect = url),
    saveCodeVerifier: (verifier: string) => void (kept.verifier = verifier),
    codeVerifier: () => kept.verifier ?? '',
    saveDiscoveryState: (discovery: OAuthDiscoveryState) => void (kept.discovery = discovery),
    discoveryState: () => kept.discovery,
    invalidateCredentials(scope) {
      for (const name of scope === 'all' ? (['client', 'tokens', 'verifier', 'discovery'] as const) : [scope]) {
        delete kept[name];
      }
    },
  };
  return {
    provider,
    tokens: () => kept.tokens,
    claims() {
      const [, claims = ''] = kept.tokens?.access_token.split('.') ?? [];
      return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
    },
    forgetRefreshToken() {
      assert.ok(kept.tokens?.refresh_token);
      const { refresh_token: _, ...rest } = kept.tokens;
      kept.tokens = rest;
    },
    takeRedirect() {
      assert.ok(redirect, 'the user was sent to the authorization server');
      const url = redirect;
      redirect = undefined;
      assert.equal(url.searchParams.get('state'), state);
      return url;
    },
  };
}

/** The parties of a sign-in. */
export interface SignInOptions extends Omit<HttpOptions, 'authProvider'> {
  app: OAuthClient;
  who: Person;
}

/** Lets the user answer the application's last request. Resolves to that request. */
export async function finishSignIn(
  transport: HttpClient['transport'],
  { app, who, answer }: Pick<SignInOptions, 'app' | 'who'> & { answer?: Answer },
): Promise<URL> {
  const asked = app.takeRedirect();
  const { searchParams } = await who.visit(asked, answer);
  assert.equal(searchParams.get('state'), asked.searchParams.get('state'));
  await finishAuth(transport, searchParams);
  return asked;
}

/** Connects a client without tokens: it is refused, signs in, and connects. */
export async function signInAndConnect(
  t: TestContext,
  kind: ClientKind,
  url: string,
  { app, who, ...options }: SignInOptions,
): Promise<HttpClient> {
  const http = { ...options, authProvider: app.provider };
  await assert.rejects(connectHttp(t, kind, url, http), { message: /Unauthorized/ });
  await finishSignIn(httpTransport(kind, url, http), { app, who });
  return connectHttp(t, kind, url, http);
}
