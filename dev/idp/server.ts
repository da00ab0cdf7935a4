/**
 * An authorization server to try things out: it trusts everyone, stores nothing, and listens only on this machine. Its tokens
 * are real; the tests in `dev/test` sign in the way a person does.
 *
 * In front of `oidc-provider`, it checks the Host header, adds CORS for clients in browsers, and serves the sign-in page.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import type { errors, JWK, Provider } from 'oidc-provider';
import { isLoopback } from '../../src/security/loopback.ts';
import { createMemoryStorage } from './memory-storage.ts';
import { createProvider, type Credentials } from './provider.ts';
import { INTERACTION_PATH, signInPage } from './sign-in-page.ts';

/** It listens here, whatever the settings: anyone can sign in, as anyone. */
const LOOPBACK = '127.0.0.1';
const ACCESS_TOKEN_SECONDS = 3600;
const MAX_REGISTRATION_BYTES = 64 * 1024;

/** Options for {@link startIdp}. */
export interface IdpOptions {
  /** The port to listen on; 0 takes a free one. @default 0 */
  port?: number;
  /** Issues opaque tokens, and tells this client what they are (RFC 7662). @default signed tokens, and no introspection */
  introspectedBy?: Credentials;
  /** Fetches the metadata documents of clients. @default the real one, which refuses addresses of this machine */
  fetch?: typeof globalThis.fetch;
  /** Receives a line for every event, without tokens. @default no log */
  log?: (line: string) => void;
}

/** A running authorization server. */
export interface Idp {
  /** Its URL, for `MCP_OAUTH_ISSUER`. */
  readonly issuer: string;
  /** Lifetime of access tokens issued from now on, in seconds. @default 3600 */
  accessTokenSeconds: number;
  /** Signs with a new key from now on. The old one stays published, unless it is to be forgotten. */
  rotateKeys(options?: { forget?: boolean }): void;
  /** Withdraws every consent of an account, and thereby its refresh tokens. */
  revokeConsent(accountId: string): void;
  /** Stops listening, but keeps tokens and consents. */
  close(): Promise<void>;
  /** Listens again, on the same port. */
  reopen(): Promise<void>;
}

/** Starts an authorization server with its own keys. Rejects if the port is unavailable. */
export async function startIdp(options: IdpOptions = {}): Promise<Idp> {
  const { port = 0, log = () => {} } = options;
  const storage = createMemoryStorage();
  const cookieKey = randomUUID();
  let keys = [newKey()];
  let provider: Provider | undefined;
  const app = createFront(() => provider ?? unavailable(), log);
  let server = await listen(app, port);
  const { port: actualPort } = server.address() as AddressInfo;
  const issuer = `http://${LOOPBACK}:${actualPort}`;

  const idp: Idp = {
    issuer,
    accessTokenSeconds: ACCESS_TOKEN_SECONDS,
    rotateKeys({ forget = false } = {}) {
      keys = forget ? [newKey()] : [newKey(), ...keys];
      provider = build();
    },
    revokeConsent: (accountId) => log(`${storage.revokeConsent(accountId)} consents of ${accountId} taken back`),
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
    async reopen() {
      server = await listen(app, actualPort);
    },
  };
  const build = () => {
    const made = createProvider({
      issuer,
      keys,
      storage,
      cookieKey,
      accessTokenSeconds: () => idp.accessTokenSeconds,
      introspectedBy: options.introspectedBy,
      fetch: options.fetch,
    });
    report(made, log);
    return made;
  };
  provider = build();
  return idp;
}

type Front = Hono<{ Bindings: HttpBindings }>;

function createFront(current: () => Provider, log: (line: string) => void): Front {
  const app: Front = new Hono();
  // A page elsewhere must not sign anyone in by DNS rebinding.
  app.use(async (c, next) => (isLoopback(new URL(c.req.url).hostname) ? next() : c.text('Not a name of mine', 403)));
  app.route(INTERACTION_PATH, signInPage(current, log));
  app.options('*', cors());
  const answer = async (request: HttpBindings['incoming'], response: HttpBindings['outgoing']) => {
    // Replaces the provider's own, which lacks registration.
    response.setHeader('Access-Control-Allow-Origin', '*');
    await current().callback()(request, response);
    return RESPONSE_ALREADY_SENT;
  };
  app.post('/reg', bodyLimit({ maxSize: MAX_REGISTRATION_BYTES }), async (c) => {
    // Clients name the scopes they will ask for; the provider must know all of them beforehand.
    const { scope: _scope, ...metadata } = (await c.req.json().catch(() => undefined)) ?? {};
    return answer(withBody(c.env.incoming, JSON.stringify(metadata)), c.env.outgoing);
  });
  app.all('*', ({ env: { incoming, outgoing } }) => answer(incoming, outgoing));
  app.onError((error, c) => {
    log(`failed: ${error.message}`);
    return c.text('That did not work. Start again from the client.', 400);
  });
  return app;
}

/** The same request with another body. */
function withBody({ method, url, headers, socket }: HttpBindings['incoming'], body: string): IncomingMessage {
  const request = { method, url, socket, headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) } };
  return Object.assign(Readable.from([Buffer.from(body)]), request) as unknown as IncomingMessage;
}

async function listen(app: Front, port: number): Promise<Server> {
  const server = createAdaptorServer({ fetch: app.fetch, hostname: LOOPBACK }) as Server;
  server.listen(port, LOOPBACK);
  await once(server, 'listening');
  return server;
}

function newKey(): JWK {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'ES256' };
}

function unavailable(): never {
  throw new Error('not ready yet');
}

/** Logs what clients do, and why it fails. */
function report(provider: Provider, log: (line: string) => void): void {
  provider.on('registration_create.success', (_context, client) =>
    log(`${client.clientName ?? 'a client'} registered as ${client.clientId}`),
  );
  provider.on('grant.success', ({ oidc }) =>
    log(`${oidc.client?.clientId} got a token (${String(oidc.params?.['grant_type'])})`),
  );
  const refused = (_context: unknown, error: errors.OIDCProviderError) =>
    log(`refused: ${error.message}: ${error.error_description ?? ''}`);
  provider.on('authorization.error', refused);
  provider.on('grant.error', refused);
  provider.on('registration_create.error', refused);
  provider.on('server_error', (_context, error) => log(`failed: ${error.message}`));
}
