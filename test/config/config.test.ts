import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig, unknownSettings } from '../../src/config/config.ts';
import { refusalOf } from '../support/config.ts';

const TOKEN = 'a'.repeat(32);
const OAUTH = { MCP_OAUTH_ISSUER: 'https://issuer.example' };
const INSECURE = { MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true' };

test('trims values', () => {
  assert.equal(loadConfig({ PORT: ' 8080 ' }).port, 8080);
});

test('names everything that is wrong, one line each', () => {
  const lines = refusalOf({ PORT: 'x', LOG_LEVEL: 'y', HOST: '0.0.0.0' }).split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    ['PORT=x', 'LOG_LEVEL=y'],
  );
});

test('shows a wrong value without the user name and password that a URL has', () => {
  for (const variable of ['MCP_PUBLIC_URL', 'MCP_OAUTH_ISSUER', 'MCP_OAUTH_ISSUER_ADDRESS', 'MCP_DATA_DIR']) {
    const line = refusalOf({ [variable]: 'https://anna:pa/ss@word@host.example:1/mcp' });
    assert.ok(line.startsWith(`${variable}=https://…@host.example:1/mcp is not valid: `), line);
  }
});

test('refuses the same port for clients and for metrics, unless their addresses differ', () => {
  const same = { PORT: '3000', MCP_METRICS_PORT: '3000' };
  const message = 'PORT and MCP_METRICS_PORT are both 3000: set one of them to another port.';
  const hosts = [
    {},
    { MCP_METRICS_HOST: '0.0.0.0' },
    { ...INSECURE, HOST: '[::]' },
    { HOST: '::1', MCP_METRICS_HOST: '[::1]' },
  ];
  for (const env of hosts) assert.equal(refusalOf({ ...same, ...env }), message);
  assert.equal(loadConfig({ ...same, MCP_METRICS_HOST: '127.0.0.2' }).metricsPort, 3000);
  assert.equal(loadConfig({ PORT: '0', MCP_METRICS_PORT: '0' }).metricsPort, 0);
});

test('is frozen, and a new object each time', () => {
  const config = loadConfig({});
  assert.ok(Object.isFrozen(config));
  assert.notEqual(loadConfig({}), config);
});

const EXPOSED: Record<string, string>[] = [
  ...['0.0.0.0', '::', '[::]', '192.168.1.5', 'mcp.example.com', '127.0.0.1.example.com', '0', '::ffff:127.0.0.1'].map(
    (host) => ({ HOST: host }),
  ),
  ...['https://mcp.example.com/mcp', 'https://localhost.example.com/mcp', 'http://127.example.com/mcp'].map((url) => ({
    MCP_PUBLIC_URL: url,
  })),
];

for (const env of EXPOSED) {
  const [[variable, value] = []] = Object.entries(env);
  test(`refuses ${variable}=${value} without authorization, and says how to start anyway`, () => {
    const message = refusalOf(env);
    assert.ok(message.startsWith(`${variable}=${value} `));
    assert.match(message, /MCP_INSECURE_ALLOW_UNAUTHENTICATED=true/);
    assert.equal(message.split('\n').length, 1);
    assert.doesNotThrow(() => loadConfig({ ...env, ...INSECURE }));
    // Not over http, where anyone on the network path could read the tokens.
    const overTls = { ...env, MCP_PUBLIC_URL: 'https://mcp.example.com/mcp' };
    assert.doesNotThrow(() => loadConfig({ ...overTls, MCP_AUTH_TOKENS: `ci:${TOKEN}` }));
    assert.doesNotThrow(() => loadConfig({ ...overTls, ...OAUTH }));
  });
}

for (const host of ['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', 'LOCALHOST']) {
  test(`starts on ${host} without authorization`, () => {
    assert.equal(loadConfig({ HOST: host }).host, host);
    const name = host.includes(':') ? '[::1]' : host;
    assert.doesNotThrow(() => loadConfig({ MCP_PUBLIC_URL: `http://${name}:3000/mcp` }));
  });
}

const PUBLIC = { MCP_PUBLIC_URL: 'https://mcp.example.com/mcp' };

const CONTRADICTORY: [env: Record<string, string>, message: RegExp][] = [
  [{ ...OAUTH, HOST: '0.0.0.0' }, /^MCP_OAUTH_ISSUER needs MCP_PUBLIC_URL/],
  [{ ...OAUTH, PORT: '0' }, /^MCP_OAUTH_ISSUER needs MCP_PUBLIC_URL/],
  [{ ...OAUTH, MCP_PUBLIC_URL: 'http://mcp.example.com/mcp' }, /^MCP_PUBLIC_URL=http:\/\/\S+ must be https/],
  [{ MCP_AUTH_TOKENS: `ci:${TOKEN}`, MCP_PUBLIC_URL: 'http://mcp.example.com/mcp' }, /must be https/],
  [{ MCP_OAUTH_ISSUER_ADDRESS: 'https://keycloak' }, /^MCP_OAUTH_ISSUER_ADDRESS needs MCP_OAUTH_ISSUER/],
  [
    { ...OAUTH, MCP_OAUTH_ISSUER_ADDRESS: 'http://keycloak:8080' },
    /^MCP_OAUTH_ISSUER_ADDRESS=http:\/\/keycloak:8080 must be https.*MCP_INSECURE_ALLOW_HTTP_ISSUER=true\.$/,
  ],
  [{ MCP_AUTH_TOKENS: ' , ' }, /^MCP_AUTH_TOKENS is not valid: it must be name:token/],
  [{ MCP_REQUIRED_SCOPES: 'mcp' }, /^MCP_REQUIRED_SCOPES needs MCP_OAUTH_ISSUER or MCP_AUTH_TOKENS/],
  [{ MCP_OAUTH_AUDIENCE: 'api' }, /^MCP_OAUTH_AUDIENCE needs MCP_OAUTH_ISSUER/],
  [{ ...OAUTH, MCP_INTROSPECTION_CLIENT_ID: 'me' }, /must be set together/],
  [{ ...OAUTH, MCP_INTROSPECTION_CLIENT_SECRET: 'hidden' }, /must be set together/],
  [
    { ...PUBLIC, ...INSECURE, MCP_INTROSPECTION_CLIENT_ID: 'me', MCP_INTROSPECTION_CLIENT_SECRET: 'hidden' },
    /^MCP_INTROSPECTION_CLIENT_ID needs MCP_OAUTH_ISSUER/,
  ],
];

for (const [env, message] of CONTRADICTORY) {
  const shown = Object.keys(env).join(', ');
  test(`refuses ${shown} together, in one line without secrets: ${message.source}`, () => {
    const refusal = refusalOf(env);
    assert.match(refusal, message);
    assert.equal(refusal.split('\n').length, 1);
    assert.doesNotMatch(refusal, new RegExp(`hidden|${TOKEN}`));
  });
}

test('accepts http to reach the issuer beyond loopback only with a setting, and never in its name', () => {
  const insecure = { MCP_INSECURE_ALLOW_HTTP_ISSUER: 'true' };
  const { oauthIssuerAddress } = loadConfig({
    ...OAUTH,
    ...insecure,
    MCP_OAUTH_ISSUER_ADDRESS: 'http://keycloak:8080',
  });
  assert.equal(oauthIssuerAddress, 'http://keycloak:8080');
  assert.match(refusalOf({ ...insecure, MCP_OAUTH_ISSUER: 'http://keycloak:8080' }), /^MCP_OAUTH_ISSUER=/);
});

test('keeps static tokens as digests, with their names and scopes', async () => {
  const [first, second] = loadConfig({ MCP_AUTH_TOKENS: `ci:${TOKEN}, me:${'b'.repeat(32)}:a b` }).authTokens;
  assert.deepEqual([first?.name, first?.scopes, second?.name, second?.scopes], ['ci', [], 'me', ['a', 'b']]);
  assert.match((await first?.digest) ?? '', /^[0-9a-f]{64}$/);
});

test('names MCP_ variables that are not settings, and nothing else', () => {
  const env = { MCP_MAX_SESSION: '5', MCP_SESSIONS: 'stateful', PORT: '1', PATH: '/bin', mcp_x: '1' };
  assert.deepEqual(unknownSettings(env), ['MCP_MAX_SESSION']);
});

test('refuses REDIS_URL together with MCP_DATA_DIR, and does not print the URL', () => {
  const env = { REDIS_URL: 'redis://:secret@redis.example', MCP_DATA_DIR: '/data' };
  assert.throws(() => loadConfig(env), {
    name: 'ConfigError',
    message: 'REDIS_URL and MCP_DATA_DIR exclude each other: sessions are kept in Redis or in a file.',
  });
});

test('takes RENDER_EXTERNAL_URL, which Render sets, for the public URL if MCP_PUBLIC_URL is unset or empty', () => {
  const onRender = { RENDER_EXTERNAL_URL: 'https://mcp-1a2b.onrender.com', MCP_AUTH_TOKENS: `ci:${TOKEN}` };
  for (const env of [onRender, { ...onRender, MCP_PUBLIC_URL: ' ' }]) {
    assert.equal(loadConfig(env).publicUrl, 'https://mcp-1a2b.onrender.com/mcp');
  }
  assert.equal(loadConfig({ ...onRender, ...PUBLIC }).publicUrl, PUBLIC.MCP_PUBLIC_URL);
  assert.match(
    refusalOf({ ...onRender, MCP_AUTH_TOKENS: '' }),
    /onrender.com\/mcp is beyond loopback without authorization/,
  );
  assert.match(refusalOf({ RENDER_EXTERNAL_URL: 'mcp' }), /^RENDER_EXTERNAL_URL=mcp is not valid/);
});
