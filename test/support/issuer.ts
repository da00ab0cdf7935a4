/** An authorization server in this process: keys and tokens made with jose, asked through an injected `fetch`. */
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';
import { systemClock, type Clock } from '../../src/lib/clock.ts';

export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'https://mcp.example.com/mcp';

/** Settings of a server that takes tokens of {@link ISSUER}. */
export const OAUTH = { MCP_OAUTH_ISSUER: ISSUER, MCP_PUBLIC_URL: AUDIENCE };

interface SigningKey {
  kid: string;
  alg: string;
  privateKey: CryptoKey;
  publicJwk: JWK;
}

export interface TokenOptions {
  header?: Record<string, unknown>;
  /** Signs with this key instead of the issuer's current one. */
  key?: CryptoKey | Uint8Array;
}

export interface TestIssuer {
  /** Answers for the issuer; a URL that it does not know gets 404. */
  fetch: typeof fetch;
  /** What it was asked: method and URL. */
  readonly asked: string[];
  /** Answers in place of the issuer; `undefined` makes it itself again. */
  instead: ((request: Request) => Promise<Response>) | undefined;
  /** Its metadata, at the locations that a test leaves in. */
  metadata: Record<string, unknown>;
  /** Paths at which it has metadata. */
  locations: string[];
  /** What introspection answers. */
  introspect: (form: URLSearchParams, authorization: string) => unknown;
  readonly publicJwk: JWK;
  /** Signs an access token for {@link AUDIENCE}; claims that are `undefined` are left out. */
  token(claims?: Record<string, unknown>, options?: TokenOptions): Promise<string>;
  /** From now on signs with a new key; the old one is gone from its key set. */
  rotate(): Promise<void>;
}

interface TestIssuerOptions {
  issuer?: string;
  clock?: Pick<Clock, 'now'>;
  alg?: string;
}

/** Makes an issuer; its tokens are of the time of `clock`. */
export async function testIssuer({
  issuer = ISSUER,
  clock = systemClock,
  alg = 'ES256',
}: TestIssuerOptions = {}): Promise<TestIssuer> {
  let key = await signingKey(alg);
  const asked: string[] = [];
  const self: TestIssuer = {
    asked,
    instead: undefined,
    metadata: {
      issuer,
      jwks_uri: `${issuer}/jwks`,
      introspection_endpoint: `${issuer}/introspect`,
    },
    locations: ['/.well-known/oauth-authorization-server'],
    introspect: () => ({ active: false }),
    get publicJwk() {
      return key.publicJwk;
    },
    fetch: async (input, init) => {
      const request = new Request(input, init);
      asked.push(`${request.method} ${request.url}`);
      if (self.instead) return self.instead(request);
      const { pathname } = new URL(request.url);
      if (self.locations.includes(pathname)) return Response.json(self.metadata);
      if (pathname.endsWith('/jwks')) return Response.json({ keys: [key.publicJwk] });
      if (!pathname.endsWith('/introspect')) return new Response('Not found', { status: 404 });
      const form = new URLSearchParams(await request.text());
      return Response.json(self.introspect(form, request.headers.get('authorization') ?? ''));
    },
    token(claims = {}, { header = {}, key: other = key.privateKey } = {}) {
      const seconds = Math.floor(clock.now() / 1000);
      const payload: JWTPayload = {
        iss: issuer,
        aud: AUDIENCE,
        sub: 'alice',
        client_id: 'client-1',
        scope: 'mcp',
        iat: seconds,
        exp: seconds + 300,
        ...claims,
      };
      return new SignJWT(payload)
        .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header })
        .sign(other);
    },
    rotate: async () => {
      key = await signingKey(alg);
    },
  };
  return self;
}

async function signingKey(alg: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const kid = crypto.randomUUID();
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** Never answers, and ends with the caller's patience. */
export function neverAnswers({ signal }: Request): Promise<Response> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
}
