import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig, settingsTable, type Config } from '../../src/config/config.ts';
import { refusalOf } from '../support/config.ts';

interface Case {
  name: keyof Config;
  fallback: unknown;
  /** Valid values, and what they become. */
  good: Record<string, unknown>;
  wrong: string[];
  /** The end of the message, which says what would be right. */
  expected: string;
  /** Set along with the good values, if those alone are refused. */
  env?: Record<string, string>;
  /** Whether the value must not be in a message. */
  secret?: true;
}

const TOKEN = 'a'.repeat(32);
/** 32 bytes whose base64 has the characters that base64url writes otherwise. */
const HEX_KEY = 'fbffbf000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c';
const KEY = Uint8Array.from(Buffer.from(HEX_KEY, 'hex'));
const OAUTH = { MCP_OAUTH_ISSUER: 'https://issuer.example' };
const INSECURE = { MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true' };

function whole(name: keyof Config, fallback: number, what: string, [min, max]: [number, number]): Case {
  const wrong = ['1.5', '1e3', '0x10', 'ten', '1 2', '99999999999999999999', String(min - 1), String(max + 1)];
  return { name, fallback, good: { [min]: min, [max]: max }, wrong, expected: `${what} from ${min} to ${max}` };
}

const SETTINGS: Record<string, Case> = {
  HOST: {
    name: 'host',
    fallback: '127.0.0.1',
    good: { '::1': '::1', localhost: 'localhost', '0.0.0.0': '0.0.0.0' },
    wrong: ['two words', 'http://localhost', 'localhost/mcp'],
    expected: 'an address or host name to listen on',
    env: INSECURE,
  },
  PORT: whole('port', 3000, 'a port', [0, 65_535]),
  LOG_LEVEL: {
    name: 'logLevel',
    fallback: 'info',
    good: { debug: 'debug', silent: 'silent' },
    wrong: ['verbose', 'INFO'],
    expected: 'one of debug, info, warn, error, silent',
  },
  LOG_FORMAT: {
    name: 'logFormat',
    fallback: undefined,
    good: { json: 'json', pretty: 'pretty' },
    wrong: ['logfmt', 'JSON'],
    expected: 'json or pretty',
  },
  MCP_LOG_REQUESTS: {
    name: 'logRequests',
    fallback: false,
    good: { on: true, off: false },
    wrong: ['true', 'debug'],
    expected: 'on or off',
  },
  REDIS_URL: {
    name: 'redisUrl',
    fallback: undefined,
    good: Object.fromEntries(
      [
        'redis://127.0.0.1',
        'rediss://user:p%40ss@redis.example:6380/2',
        'unix:///run/redis.sock',
        'redis://a,b:7001',
      ].map((url) => [url, url]),
    ),
    wrong: ['localhost:6379', 'http://redis.example', 'redis://', 'redis://a:99999', 'redis://a/one', 'redis://:%zz@a'],
    expected:
      'redis://user:password@host:6379/0, rediss://… for TLS, unix:///path/redis.sock, or hosts separated by commas',
    secret: true,
  },
  MCP_PUBLIC_URL: {
    name: 'publicUrl',
    fallback: undefined,
    good: {
      'https://mcp.example.com/mcp': 'https://mcp.example.com/mcp',
      'https://example.com:8443/slugs/mcp': 'https://example.com:8443/slugs/mcp',
      'https://mcp.example.com/mcp/': 'https://mcp.example.com/mcp',
      // What ngrok prints.
      'https://abc123.ngrok.app': 'https://abc123.ngrok.app/mcp',
      'https://example.com/slugs/': 'https://example.com/slugs/mcp',
    },
    wrong: [
      'mcp.example.com',
      'ftp://mcp.example.com/mcp',
      'https://mcp.example.com/mcp?a=b',
      'https://mcp.example.com/?/mcp',
      'https://mcp.example.com/#/mcp',
      'https://me:secret@mcp.example.com/mcp',
      'https://mcp example.com/mcp',
      'https:////mcp',
    ],
    expected: 'the URL that clients use, such as https://mcp.example.com/mcp',
    env: INSECURE,
  },
  MCP_ALLOWED_HOSTS: {
    name: 'allowedHosts',
    fallback: [],
    good: {
      'example.com': ['example.com'],
      slugs_web_1: ['slugs_web_1'],
      ' a.example , B.example,, ': ['a.example', 'b.example'],
      '[2001:db8::1]': ['[2001:db8::1]'],
    },
    wrong: ['https://example.com', 'example.com:3000', '*.example.com', '*', 'a.example,b example', '2001:db8::1'],
    expected: 'host names without scheme or port, separated by commas',
  },
  MCP_ALLOWED_ORIGINS: {
    name: 'allowedOrigins',
    fallback: [],
    good: {
      'https://app.example.com': ['https://app.example.com'],
      'http://localhost:5173, moz-extension://*': ['http://localhost:5173', 'moz-extension://*'],
      'chrome-extension://abcdefghijklmnop': ['chrome-extension://abcdefghijklmnop'],
    },
    wrong: [
      '*',
      'null',
      'file://*',
      'file://',
      'app.example.com',
      'https://app.example.com/',
      'https://App.example.com',
      'https://app.example.com:443',
      'https://*',
      'http://*',
      'https://*.example.com',
      'moz-extension://*/',
      'https://a.example,*',
    ],
    expected: 'origins such as https://app.example.com or vscode-webview://*, separated by commas',
  },
  MCP_SERVER_CARD: {
    name: 'serverCard',
    fallback: true,
    good: { on: true, off: false },
    wrong: ['true', '0', 'ON'],
    expected: 'on or off',
  },
  MCP_SESSIONS: {
    name: 'sessions',
    fallback: 'stateful',
    good: { stateless: 'stateless' },
    wrong: ['none', 'true'],
    expected: 'stateful or stateless',
  },
  MCP_SESSION_IDLE_SECONDS: whole('sessionIdleSeconds', 1800, 'seconds', [1, 31_536_000]),
  MCP_MAX_SESSIONS: whole('maxSessions', 10_000, 'a number', [1, 10_000_000]),
  MCP_MAX_SESSIONS_PER_PRINCIPAL: whole('maxSessionsPerPrincipal', 1000, 'a number', [1, 10_000_000]),
  MCP_MAX_LIVE_SESSIONS: whole('maxLiveSessions', 10_000, 'a number', [0, 10_000_000]),
  MCP_LIVE_IDLE_SECONDS: { ...whole('liveIdleSeconds', 0, 'seconds', [1, 31_536_000]), fallback: undefined },
  MCP_DATA_DIR: {
    name: 'dataDir',
    fallback: undefined,
    good: { '/data': '/data', './my data': './my data' },
    wrong: ['file:///data', 'sqlite://data'],
    expected: 'the path of a directory',
  },
  MCP_CALL_TIMEOUT_SECONDS: whole('callTimeoutSeconds', 3600, 'seconds', [0, 31_536_000]),
  MCP_MAX_CALLS_PER_SESSION: whole('maxCallsPerSession', 100, 'a number', [1, 1_000_000]),
  MCP_MAX_CALLS_PER_PRINCIPAL: whole('maxCallsPerPrincipal', 1000, 'a number', [1, 1_000_000]),
  MCP_KEEP_ALIVE_SECONDS: whole('keepAliveSeconds', 15, 'seconds', [0, 3600]),
  MCP_IDLE_CONNECTION_SECONDS: whole('idleConnectionSeconds', 130, 'seconds', [1, 3600]),
  MCP_MAX_BODY_BYTES: whole('maxBodyBytes', 4_194_304, 'bytes', [1024, 1_073_741_824]),
  MCP_DRAIN_SECONDS: whole('drainSeconds', 25, 'seconds', [0, 3600]),
  MCP_AUTH_TOKENS: {
    name: 'authTokens',
    fallback: [],
    good: {},
    wrong: ['ci', 'ci:too-short', TOKEN, `ci:${TOKEN},ci:${'b'.repeat(32)}`],
    expected:
      'name:token or name:token:scopes, separated by commas, with different names, and tokens of 32 or more of A-Z a-z 0-9 - . _ ~ + /',
    secret: true,
  },
  MCP_OAUTH_ISSUER: {
    name: 'oauthIssuer',
    fallback: undefined,
    good: {
      'https://issuer.example': 'https://issuer.example',
      'https://issuer.example/': 'https://issuer.example/',
      'https://issuer.example:8443/realms/one': 'https://issuer.example:8443/realms/one',
      'http://localhost:9000': 'http://localhost:9000',
      'http://127.0.0.1:9000/a': 'http://127.0.0.1:9000/a',
    },
    wrong: [
      'issuer.example',
      'http://issuer.example',
      'http://localhost.evil.example',
      'https://issuer.example?a=b',
      'https://issuer.example/#a',
      'https://me:secret@issuer.example',
      'ftp://issuer.example',
    ],
    expected: 'the https URL of an authorization server exactly as in iss; http only on localhost or 127.0.0.1',
  },
  MCP_OAUTH_ISSUER_ADDRESS: {
    name: 'oauthIssuerAddress',
    fallback: undefined,
    good: {
      'https://keycloak:8443': 'https://keycloak:8443',
      'https://Keycloak.internal:443/': 'https://keycloak.internal',
      'http://localhost:8080': 'http://localhost:8080',
      'http://[::1]:8080': 'http://[::1]:8080',
    },
    wrong: [
      'keycloak:8080',
      'keycloak',
      'ftp://keycloak',
      'https://keycloak/realms/one',
      'https://keycloak?a=b',
      'https://me:secret@keycloak',
      'https://key cloak',
    ],
    expected: 'the scheme, host and port of the authorization server as this server reaches it, without a path',
    env: OAUTH,
  },
  MCP_OAUTH_AUDIENCE: {
    name: 'oauthAudience',
    fallback: undefined,
    good: { 'api://1234': 'api://1234' },
    wrong: ['two words'],
    expected: 'the name of this server in aud, without spaces',
    env: OAUTH,
  },
  MCP_REQUIRED_SCOPES: {
    name: 'requiredScopes',
    fallback: [],
    good: { mcp: ['mcp'], 'mcp  slugs:batch': ['mcp', 'slugs:batch'] },
    wrong: ['"mcp"', 'a\\b', 'é'],
    expected: 'scopes separated by spaces',
    env: OAUTH,
  },
  MCP_INTROSPECTION_CLIENT_ID: {
    name: 'introspectionClientId',
    fallback: undefined,
    good: { 'my server': 'my server' },
    wrong: [],
    expected: 'a client id',
    env: { ...OAUTH, MCP_INTROSPECTION_CLIENT_SECRET: 'secret' },
  },
  MCP_INTROSPECTION_CLIENT_SECRET: {
    name: 'introspectionClientSecret',
    fallback: undefined,
    good: { secret: 'secret' },
    wrong: [],
    expected: 'a client secret',
    env: { ...OAUTH, MCP_INTROSPECTION_CLIENT_ID: 'me' },
    secret: true,
  },
  MCP_STATE_KEY: {
    name: 'stateKeys',
    fallback: [],
    good: {
      [HEX_KEY]: [KEY],
      [HEX_KEY.toUpperCase()]: [KEY],
      '+/+/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=': [KEY],
      '-_-_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw': [KEY],
      [`${'00'.repeat(32)}, ${HEX_KEY}`]: [new Uint8Array(32), KEY],
    },
    wrong: [
      'a secret that somebody could guess',
      ',',
      HEX_KEY.slice(2),
      `${HEX_KEY.slice(1)}g`,
      `${HEX_KEY},short`,
      `${HEX_KEY},${HEX_KEY.toUpperCase()}`,
      '+_+/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw',
      '+/+/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxx',
      '+/+/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGx=',
    ],
    expected: 'a key of 32 bytes in hex, base64 or base64url, or several different ones, separated by commas',
    secret: true,
  },
  MCP_RATE_LIMIT: whole('rateLimit', 600, 'requests a minute', [0, 1_000_000]),
  MCP_TRUST_PROXY: {
    name: 'trustProxy',
    fallback: { hops: 0 },
    good: { 2: { hops: 2 }, '10.0.0.1': { networks: [{ bits: 32, value: 0x0a000001n, prefix: 32 }] } },
    wrong: ['true', '11', '10.0.0.0/33', 'proxy.example'],
    expected: 'the number of proxies in front, from 0 to 10, or their addresses, such as 10.0.0.0/8,::1',
  },
  MCP_METRICS_PORT: { ...whole('metricsPort', 0, 'a port', [0, 65_535]), fallback: undefined },
  MCP_METRICS_HOST: {
    name: 'metricsHost',
    fallback: '127.0.0.1',
    good: { '::1': '::1', '0.0.0.0': '0.0.0.0' },
    wrong: ['two words', 'http://localhost', 'localhost/metrics'],
    expected: 'an address or host name to listen on',
  },
  MCP_SHORTCUTS: {
    name: 'shortcuts',
    fallback: true,
    good: { on: true, off: false },
    wrong: ['true', '1', 'OFF'],
    expected: 'on or off',
  },
  MCP_INSECURE_ALLOW_HTTP_ISSUER: {
    name: 'insecureAllowHttpIssuer',
    fallback: false,
    good: { true: true, false: false },
    wrong: ['yes', 'http'],
    expected: 'true or false',
  },
  MCP_INSECURE_ALLOW_NULL_ORIGIN: {
    name: 'insecureAllowNullOrigin',
    fallback: false,
    good: { true: true, false: false },
    wrong: ['yes', 'null'],
    expected: 'true or false',
  },
  MCP_INSECURE_ALLOW_UNAUTHENTICATED: {
    name: 'insecureAllowUnauthenticated',
    fallback: false,
    good: { true: true, false: false },
    wrong: ['yes', '1', 'TRUE'],
    expected: 'true or false',
  },
};

for (const [variable, { name, fallback, good, wrong, expected, env, secret }] of Object.entries(SETTINGS)) {
  test(`${variable} is ${JSON.stringify(fallback)} by default`, () => {
    assert.deepEqual(loadConfig({})[name], fallback);
    assert.deepEqual(loadConfig({ [variable]: ' ' })[name], fallback);
  });

  test(`${variable} accepts ${Object.keys(good).join(' and ')}`, () => {
    for (const [value, parsed] of Object.entries(good)) {
      assert.deepEqual(loadConfig({ ...env, [variable]: value })[name], parsed);
    }
  });

  for (const value of wrong) {
    test(`refuses ${variable}=${secret ? 'a secret' : value} in one line that says what is right`, () => {
      const shown = secret ? variable : `${variable}=${value.replace('me:secret@', '…@')}`;
      assert.equal(refusalOf({ [variable]: value }), `${shown} is not valid: it must be ${expected}.`);
    });
  }
}

test('the table has a valid default and a meaning for each setting', () => {
  const table = settingsTable();
  assert.deepEqual(
    table.map(({ variable }) => variable),
    Object.keys(SETTINGS),
  );
  assert.deepEqual(loadConfig(Object.fromEntries(table.map((row) => [row.variable, row.fallback]))), loadConfig({}));
  assert.ok(table.every(({ meaning }) => meaning.length > 20));
});
