import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHostOriginPolicy, type HostOriginOptions } from '../../src/security/host-origin.ts';
import { assertRefused } from '../support/refusal.ts';
import { modernRequest, testApp } from '../support/app.ts';
import { linesAt, logLines } from '../support/log-lines.ts';

const LOOPBACK: HostOriginOptions = { host: '127.0.0.1', allowedHosts: [], allowedOrigins: [] };
const BEYOND: HostOriginOptions = { ...LOOPBACK, host: '0.0.0.0' };
const PUBLIC: HostOriginOptions = { ...LOOPBACK, publicUrl: 'https://mcp.example.com:8443/mcp' };

function policyRequest(headers: Record<string, string>): Request {
  return new Request('http://127.0.0.1:3000/mcp', { headers });
}

/** Which hosts pass, and which do not, with the options given. */
const HOSTS: [title: string, options: HostOriginOptions, passing: string[], refused: string[]][] = [
  [
    'on loopback',
    LOOPBACK,
    ['127.0.0.1', '127.0.0.1:3000', 'localhost:3000', 'LocalHost', '[::1]:3000'],
    ['', 'evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '0.0.0.0:3000', 'localhost:x', '::1'],
  ],
  ['on every address', BEYOND, ['localhost:3000'], ['0.0.0.0:3000', '[::]:3000', '192.168.1.5:3000']],
  ['on one address', { ...LOOPBACK, host: '192.168.1.5' }, ['192.168.1.5:3000'], ['192.168.1.6:3000']],
  ['on one address of IPv6', { ...LOOPBACK, host: '2001:DB8:0:0::5' }, ['[2001:db8::5]:3000'], ['[2001:db8::6]']],
  ['with a public URL', PUBLIC, ['mcp.example.com:8443', 'mcp.example.com', 'localhost'], ['www.example.com']],
  [
    'with further hosts',
    { ...LOOPBACK, allowedHosts: ['a.example', '[2001:db8:0:0::1]'] },
    ['a.example', 'A.EXAMPLE:80', '[2001:db8::1]:3000', 'localhost'],
    ['b.example', 'b.a.example', 'a.example.evil.example'],
  ],
];

for (const [title, options, passing, refused] of HOSTS) {
  test(`checks the host ${title}`, () => {
    const policy = createHostOriginPolicy(options);
    for (const host of passing) assert.equal(policy.refuseHost(policyRequest({ host })), undefined, `${host} passes`);
    for (const host of refused) assert.ok(policy.refuseHost(policyRequest({ host })), `${host} is refused`);
    assert.ok(policy.refuseHost(policyRequest({})), 'a missing Host is refused');
  });
}

test('checks the host of the request target as well as the header', () => {
  const policy = createHostOriginPolicy(LOOPBACK);
  const refusalOf = (target: string) => policy.refuseHost(new Request(target, { headers: { host: 'localhost:3000' } }));
  assert.equal(refusalOf('http://127.0.0.1:3000/mcp'), undefined);
  assert.match(refusalOf('http://evil.example/mcp')?.remedy ?? '', /MCP_ALLOWED_HOSTS=evil\.example$/);
});

const ORIGINS: [title: string, options: HostOriginOptions, passing: string[], refused: string[]][] = [
  [
    'on loopback',
    LOOPBACK,
    ['http://localhost:6274', 'http://127.0.0.1', 'https://localhost', 'http://[::1]:8080'],
    ['null', 'https://evil.example', 'http://localhost.evil.example', 'file://', 'localhost', 'moz-extension://x'],
  ],
  ['on every address', BEYOND, [], ['http://localhost:6274', 'http://127.0.0.1', 'http://0.0.0.0:3000']],
  [
    'with a public URL',
    { ...PUBLIC, host: '0.0.0.0' },
    ['https://mcp.example.com:8443'],
    ['https://mcp.example.com', 'http://mcp.example.com:8443', 'https://www.example.com:8443', 'http://localhost'],
  ],
  [
    'with further origins',
    { ...BEYOND, allowedOrigins: ['https://app.example.com', 'moz-extension://*'] },
    ['https://app.example.com', 'moz-extension://1234'],
    ['http://app.example.com', 'https://app.example.com:444', 'chrome-extension://1234', 'https://b.app.example.com'],
  ],
];

for (const [title, options, passing, refused] of ORIGINS) {
  test(`checks the origin ${title}`, () => {
    const policy = createHostOriginPolicy(options);
    for (const origin of passing) assert.equal(policy.refuseOrigin(policyRequest({ origin })), undefined, origin);
    for (const origin of refused) assert.ok(policy.refuseOrigin(policyRequest({ origin })), `${origin} is refused`);
    assert.equal(policy.refuseOrigin(policyRequest({})), undefined, 'a missing Origin passes');
  });
}

const SAME_SITE = { 'sec-fetch-site': 'same-site' };
const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' };
/** Requests to a server at `mcp.example.com`, by plain http or behind a proxy that ends TLS, and whether they may call. */
const FROM_PAGES: [title: string, headers: Record<string, string>, status: 200 | 403][] = [
  ['its own page', { origin: 'http://mcp.example.com', ...SAME_ORIGIN }, 200],
  ['its own page, with https ended by a proxy', { origin: 'https://mcp.example.com', ...SAME_ORIGIN }, 200],
  ['its own page, with plain http', { origin: 'http://mcp.example.com' }, 200],
  ['its own page on another port', { host: 'mcp.example.com:8080', origin: 'http://mcp.example.com:8080' }, 200],
  ['a page of another port of its host', { origin: 'http://mcp.example.com:8080', ...SAME_SITE }, 403],
  ['a page of another port, with plain http', { origin: 'http://mcp.example.com:8080' }, 403],
  ['a page of http, if the server has https', { origin: 'http://mcp.example.com', ...SAME_SITE }, 403],
  ['a page of https, if the browser does not say where it is', { origin: 'https://mcp.example.com' }, 403],
  ['a page of another host', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 403],
  ['a page that uses DNS rebinding', { host: 'evil.example', origin: 'http://evil.example', ...SAME_ORIGIN }, 403],
  ['such a page, with its Host replaced by a proxy', { origin: 'http://evil.example', ...SAME_ORIGIN }, 403],
  ['an extension with its name', { origin: 'vscode-webview://mcp.example.com', ...SAME_ORIGIN }, 403],
];

for (const [title, headers, status] of FROM_PAGES) {
  test(`answers ${status} to ${title} where only MCP_ALLOWED_HOSTS names the host`, async () => {
    const env = { HOST: '0.0.0.0', MCP_ALLOWED_HOSTS: 'mcp.example.com', MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true' };
    const { body, headers: modern } = modernRequest('tools/list');
    const host = headers['host'] ?? 'mcp.example.com';
    // As an adapter makes it: the target of the request behind its Host.
    const request = new Request(`http://${host}/mcp`, {
      method: 'POST',
      headers: { ...modern, host, ...headers },
      body: JSON.stringify(body),
    });
    assert.equal((await testApp(env).fetch(request)).status, status);
  });
}

const REFUSED: [what: string, headers: Record<string, string>, message: string, remedy: RegExp][] = [
  ['a host', { host: 'evil.example' }, 'Host not allowed', /MCP_ALLOWED_HOSTS=evil\.example/],
  ['no host', { host: '' }, 'Host not allowed', /Missing Host header$/],
  ['an origin', { origin: 'https://evil.example' }, 'Origin not allowed', /MCP_ALLOWED_ORIGINS=https:..evil\.example/],
  ['the origin null', { origin: 'null' }, 'Origin not allowed', /MCP_INSECURE_ALLOW_NULL_ORIGIN=true allows it$/],
  ['a page from a file', { origin: 'file://' }, 'Origin not allowed', /file:\/\/$/],
];

for (const [what, headers, message, remedy] of REFUSED) {
  test(`answers 403 with -32000 to ${what} that is not allowed, and logs what would allow it`, async () => {
    const app = testApp();
    for (const method of ['POST', 'GET', 'DELETE', 'OPTIONS']) {
      const response = await app.request(method, { headers });
      // The client is told no more than that. What it sent is only logged.
      assert.equal(await assertRefused(response, { status: 403, code: -32000 }), message);
    }
    assert.equal(app.lines.length, 4);
    const warnings = linesAt('warn', app.lines);
    assert.deepEqual(
      warnings.map(({ msg }) => msg),
      app.lines.map(() => message),
    );
    for (const { why } of warnings) assert.match(String(why), remedy);
  });
}

const ADVISED: [name: string, value: string][] = [
  ['host', 'mcp.example.com:3000'],
  ['host', 'mcp.example.com.'],
  ['host', 'mcp.example.com.:3000'],
  ['host', 'slugs_web_1:3000'],
  ['host', '[2001:DB8::1]:3000'],
  ['origin', 'https://app.example.com:8443'],
  ['origin', 'chrome-extension://abcdefghijklmnop'],
  ['origin', 'vscode-webview://0a1b'],
  ['origin', 'null'],
];

for (const [name, value] of ADVISED) {
  test(`lets ${name} ${value} pass once the advice in the log is followed`, async () => {
    const headers = { [name]: value };
    const strict = testApp();
    assert.equal((await strict.request('GET', { headers })).status, 403);
    const [, setting = '', advice = ''] =
      /(MCP_(?:INSECURE_)?ALLOW\w+)=([^"\s]+)/.exec(String(logLines(strict.lines)[0]?.['why'])) ?? [];
    const advised = testApp({ [setting]: advice });
    assert.notEqual((await advised.request('GET', { headers })).status, 403);
  });
}
