/**
 * `oidc-provider`, configured as the MCP specification requires of an authorization server: OAuth 2.1 with PKCE, clients
 * that register themselves (RFC 7591) or are known by a metadata document, access tokens for one resource
 * (RFC 8707), and `iss` in its answers (RFC 9207).
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization
 */
import { html } from 'hono/html';
import { errors, Provider, type ClientMetadata, type Configuration, type JWK } from 'oidc-provider';
import type { MemoryStorage } from './memory-storage.ts';
import { INTERACTION_PATH, renderPage } from './sign-in-page.ts';

/** The only algorithm in use; its keys are generated quickly. */
const ALGORITHM = 'ES256';
/** Scopes of the provider itself. */
const PROVIDER_SCOPES = ['openid', 'offline_access'];
/** The scope of a client that asks for none, which happens if the MCP server names none (RFC 6749 section 3.3). */
const DEFAULT_SCOPE = 'mcp';

const DAY_SECONDS = 24 * 3600;
const LIFETIMES_SECONDS = {
  AuthorizationCode: 60,
  IdToken: 3600,
  Interaction: 3600,
  RefreshToken: 14 * DAY_SECONDS,
  Session: 14 * DAY_SECONDS,
  Grant: 14 * DAY_SECONDS,
};

/** The credentials of a client. */
export interface Credentials {
  clientId: string;
  clientSecret: string;
}

/** Options for {@link createProvider}. */
export interface ProviderOptions {
  /** The URL of the provider, without a path. */
  issuer: string;
  /** Private keys for ES256. The first signs, all are published. */
  keys: readonly JWK[];
  storage: MemoryStorage;
  /** Signs cookies. */
  cookieKey: string;
  /** Returns the lifetime of an access token, in seconds. */
  accessTokenSeconds: () => number;
  /** Issues opaque tokens, which this client may introspect; `undefined` for signed tokens. */
  introspectedBy: Credentials | undefined;
  /** Fetches the metadata documents of clients. `undefined` for the real one, which refuses private addresses. */
  fetch: typeof globalThis.fetch | undefined;
}

/** Makes a provider, which does not need to be closed. */
export function createProvider(options: ProviderOptions): Provider {
  const { storage, introspectedBy, fetch } = options;
  const provider = new Provider(options.issuer, {
    adapter: (kind) => storage.adapter(kind),
    jwks: { keys: [...options.keys] },
    ...(fetch && { fetch }),
    clients: introspectedBy ? [clientThatAsks(introspectedBy)] : [],
    cookies: { keys: [options.cookieKey] },
    scopes: PROVIDER_SCOPES,
    responseTypes: ['code'],
    clientDefaults: { id_token_signed_response_alg: ALGORITHM },
    pkce: { required: () => true },
    // Any origin: pages call it without cookies.
    clientBasedCORS: () => true,
    // Not all MCP clients ask for offline_access. They register for refreshing instead.
    issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    expiresWithSession: async () => false,
    findAccount: async (_context, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
    interactions: { url: (_context, { uid }) => `${INTERACTION_PATH}${uid}` },
    async renderError(context, { error, error_description: description = '' }) {
      context.type = 'html';
      context.body = await renderPage('That did not work', html`<p>${error}: ${description}</p>`);
    },
    ttl: { ...LIFETIMES_SECONDS, AccessToken: () => options.accessTokenSeconds() },
    features: featuresOf(options),
  });
  provider.use(async (context, next) => {
    if (context.path === '/auth' && !context.query['scope']) context.query = { ...context.query, scope: DEFAULT_SCOPE };
    await next();
  });
  return provider;
}

function featuresOf({ introspectedBy, accessTokenSeconds }: ProviderOptions): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    dPoP: { enabled: false },
    registration: { enabled: true, issueRegistrationAccessToken: false },
    revocation: {
      enabled: true,
      allowedPolicy: async (_context, client, token) => token.clientId === client.clientId,
    },
    introspection: {
      enabled: introspectedBy !== undefined,
      allowedPolicy: async (_context, client) => client.clientId === introspectedBy?.clientId,
    },
    clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
    resourceIndicators: {
      enabled: true,
      defaultResource: async (_context, _client, oneOf) => oneOf?.[0],
      useGrantedResource: async () => true,
      getResourceServerInfo: async ({ oidc: { params, entities } }, resource) => {
        if (!/^https?:\/\//.test(resource)) throw new errors.InvalidTarget('a resource is an http or https URL');
        return {
          audience: resource,
          scope: scopesOf(params?.['scope'], entities.AuthorizationCode?.scope, entities.RefreshToken?.scope),
          accessTokenTTL: accessTokenSeconds(),
          ...(introspectedBy
            ? { accessTokenFormat: 'opaque' }
            : { accessTokenFormat: 'jwt', jwt: { sign: { alg: ALGORITHM } } }),
        };
      },
    },
  };
}

function clientThatAsks({ clientId, clientSecret }: Credentials): ClientMetadata {
  return { client_id: clientId, client_secret: clientSecret, grant_types: [], response_types: [], redirect_uris: [] };
}

/** Grants every requested scope: the MCP server decides which scopes exist. */
function scopesOf(...lists: unknown[]): string {
  const scopes = lists.join(' ').split(' ');
  return scopes.filter((scope) => !PROVIDER_SCOPES.includes(scope)).join(' ');
}
