import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { HttpClient } from '../support/clients.ts';
import { finishSignIn, oauthClient, signInAndConnect, type OAuthClient } from '../support/oauth-client.ts';
import { person } from '../support/person.ts';
import { EXPIRED_SECONDS, startProtected, type ProtectedServer } from '../support/protected.ts';
import { initializeRequest, JSON_HEADERS, request } from '../support/app.ts';

const KINDS = ['v1', 'v2 legacy', 'v2 auto'] as const;

async function slugify(client: HttpClient): Promise<void> {
  const { structuredContent } = await client.call('slugify', { text: 'Hello World' });
  assert.deepEqual(structuredContent, { slug: 'hello-world' });
}

/** A request with the application's token, as it is. */
function post(url: string, app: OAuthClient, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const authorization = `Bearer ${app.tokens()?.access_token}`;
  return fetch(url, { method: 'POST', headers: { ...JSON_HEADERS, authorization, ...headers }, body: JSON.stringify(body) });
}

/** Somebody who is signed in, with a session where the client has them. */
async function signedIn(t: TestContext, { url, fetch }: ProtectedServer, kind: (typeof KINDS)[number], name = 'alice') {
  const app = oauthClient();
  const who = person(name);
  const client = await signInAndConnect(t, kind, url, { app, who, fetch });
  return { app, who, client };
}
