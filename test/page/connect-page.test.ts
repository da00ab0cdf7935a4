import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { McpServer, type Tool } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { ANONYMOUS } from '../../src/auth/caller.ts';
import { JSON_HEADERS, modernRequest, testApp, type TestApp } from '../support/app.ts';
import { assertRefused } from '../support/refusal.ts';

/** What Chromium sends when it opens a page. */
const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8' };
const TOKEN = 'x'.repeat(32);
const NOT_FOUND = 'Not found: the MCP endpoint is /mcp';

async function pageOf(app: TestApp, path = '/', headers: Record<string, string> = BROWSER): Promise<string> {
  const response = await app.request('GET', { path, headers });
  assert.equal(response.status, 200);
  return response.text();
}

/** The text of a page, as a visitor reads it. */
const textOf = (page: string) => page.replaceAll(/<(?:style|script).*?<\/(?:style|script)>|<[^>]*>/gs, '');

/** A server whose every text is `text`. */
function serverSaying(text: string) {
  const server = new McpServer(
    { name: text, title: text, version: text, description: text, websiteUrl: 'javascript:alert(1)' },
    { instructions: text },
  );
  const inputSchema = z.object({ text: z.enum([text]).default(text).describe(text) });
  server.registerTool('tool', { title: text, description: text, inputSchema }, () => ({ content: [] }));
  return server;
}

test('answers a browser at / with a page: what this is, the endpoint, how to connect, and the tools', async () => {
  const response = await testApp().request('GET', { path: '/', headers: BROWSER });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
  const page = await response.text();
  for (const text of [
    '<h1>test-server</h1>',
    '2026-07-28, and 2024-10-07 to 2025-11-25 with sessions',
    'not needed',
    'Answers with the text, and with the suffix behind it.',
    'vscode:mcp/install?',
    'cursor://anysphere.cursor-deeplink/mcp/install?',
    'lmstudio://add_mcp?',
  ]) {
    assert.ok(page.includes(text), text);
  }
  assert.ok(textOf(page).includes('claude mcp add --transport http test-server http://127.0.0.1:3000/mcp'));
  assert.match(page, /<dt>\s*<code>text<\/code> <span class="type">string<\/span>\s*<span class="required">/);
});

test('names the URL that the visitor used, or MCP_PUBLIC_URL', async () => {
  const localhost = await pageOf(testApp(), 'http://localhost:3000/', { ...BROWSER, host: 'localhost:3000' });
  assert.ok(localhost.includes('<code><span>http://localhost:3000/mcp</span></code>'));
  const env = { MCP_PUBLIC_URL: 'http://localhost:8080/apps/slugs/mcp' };
  for (const path of ['/', '/apps/slugs/']) {
    const page = await pageOf(testApp(env), path);
    assert.ok(page.includes('<code><span>http://localhost:8080/apps/slugs/mcp</span></code>'));
  }
});

test('writes a URL with names in other scripts in the form that links and clients take', async () => {
  const env = { MCP_PUBLIC_URL: 'https://例え.example/ü b/mcp', MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true' };
  const page = await pageOf(testApp(env));
  const url = 'https://xn--r8jz45g.example/%C3%BC%20b/mcp';
  assert.ok(page.includes(`<code><span>${url}</span></code>`));
  const [, config = ''] = /href="lmstudio:[^"]*config=([^"]*)"/.exec(page) ?? [];
  assert.deepEqual(JSON.parse(atob(decodeURIComponent(config))), { url });
});

test('the policy allows the style and the script of the page by their hashes, and nothing elsewhere', async () => {
  const response = await testApp().request('GET', { path: '/', headers: BROWSER });
  const page = await response.text();
  const hashOf = (tag: string) => {
    const [, text = ''] = new RegExp(`<${tag}[^>]*>(.*?)</${tag}>`, 's').exec(page) ?? [];
    assert.ok(text.length > 1000);
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  };
  assert.deepEqual(response.headers.get('content-security-policy')?.split('; '), [
    "default-src 'none'",
    `style-src ${hashOf('style')}`,
    `script-src ${hashOf('script')}`,
    "connect-src 'self'",
    'img-src data:',
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ]);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(response.headers.get('referrer-policy'), 'no-referrer');
  assert.equal(page.match(/<(?:style|script)\b/g)?.length, 2);
  assert.doesNotMatch(page, / on\w+=| style=|\bsrc=/);
});

test('whatever a server says of itself is text on the page, not HTML', async () => {
  const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)></pre></textarea></template>&`;
  const page = await pageOf(testApp({}, { createServer: () => serverSaying(hostile) }));
  const plain = await pageOf(testApp({}, { createServer: () => serverSaying('plain') }));
  const tags = (text: string) => text.match(/<[^>]*>/g)?.map((tag) => tag.replaceAll(/"[^"]*"/g, '""'));
  assert.deepEqual(tags(page), tags(plain));
  assert.ok(page.includes('&lt;script&gt;alert(1)&lt;/script&gt;'));
  assert.doesNotMatch(page, /href="javascript:/);
});

test('links and lines have a name that every client and shell takes', async () => {
  const createServer = () => new McpServer({ name: 'The "best" server; rm -rf /', version: '1' });
  const page = await pageOf(testApp({}, { createServer }));
  assert.ok(textOf(page).includes('codex mcp add The-best-server-rm-rf --url http://127.0.0.1:3000/mcp'));
});

test('install links have the configuration that each client documents', async () => {
  const page = (await pageOf(testApp())).replaceAll('&amp;', '&');
  const url = 'http://127.0.0.1:3000/mcp';
  const [, vsCode = ''] = /href="vscode:mcp\/install\?([^"]*)"/.exec(page) ?? [];
  assert.deepEqual(JSON.parse(decodeURIComponent(vsCode)), { name: 'test-server', type: 'http', url });
  for (const [, query] of page.matchAll(/href="(?:cursor:[^"]*install|lmstudio:\/\/add_mcp)\?([^"]*)"/g)) {
    const { name, config = '' } = Object.fromEntries(new URLSearchParams(query));
    assert.deepEqual([name, JSON.parse(atob(config))], ['test-server', { url }]);
  }
});

test('the tool list of the page shows what the server has, without a tool too', async () => {
  const none = await pageOf(testApp({}, { createServer: () => new McpServer({ name: 'none', version: '1' }) }));
  assert.ok(none.includes('This server has no tools.'));
  const broken = testApp({}, { createServer: () => Promise.reject(new Error('no database')) });
  assert.ok((await pageOf(broken)).includes('The server could not be asked for its tools.'));
  assert.match(broken.lines.join('\n'), /could not be asked about itself/);
  const silent = () => {
    const { server } = new McpServer({ name: 'silent', version: '1' }, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/list', () => Promise.reject(new Error('no database')));
    return server;
  };
  const page = await pageOf(testApp({}, { createServer: silent }));
  assert.ok(page.includes('<h1>silent</h1>') && page.includes('The server could not be asked for its tools.'));
});

test('shows a tool whose schema is odd, as JSON Schema allows it or not', async () => {
  for (const schema of [null, true, [], 5]) {
    const createServer = () => {
      const { server } = new McpServer({ name: 'odd', version: '1' }, { capabilities: { tools: {} } });
      const tool = { name: 'odd-tool', inputSchema: { type: 'object', properties: { odd: schema } } } as Tool;
      server.setRequestHandler('tools/list', () => ({ tools: [tool] }));
      return server;
    };
    const page = await pageOf(testApp({}, { createServer }));
    assert.match(page, /<code>odd<\/code> <span class="type">any<\/span>/, JSON.stringify(schema));
  }
});

test('callers who must authenticate see neither tools nor instructions on the page', async () => {
  const createServer = () => serverSaying('the secret of the tools');
  const settings = {
    'a bearer token from the operator': testApp({ MCP_AUTH_TOKENS: `me:${TOKEN}` }, { createServer }),
    'OAuth at https://issuer.example': testApp(
      { MCP_OAUTH_ISSUER: 'https://issuer.example', PORT: '3000' },
      { createServer, fetch: () => assert.fail('the page asks nobody') },
    ),
    needed: testApp({}, { createServer, authenticate: async () => ANONYMOUS }),
  };
  for (const [text, app] of Object.entries(settings)) {
    const page = await pageOf(app);
    assert.ok(page.includes(`<dd>${text}</dd>`), text);
    assert.ok(page.includes('Only callers who have signed in see the tools.'));
    assert.equal(page.match(/data-tool="(?!")/g), null);
    assert.doesNotMatch(page, /<blockquote>/);
    assert.doesNotMatch(page, new RegExp(TOKEN));
    assert.match(page, /<form id="token-form" hidden>/);
  }
});

test('lines have a placeholder where only a token helps, and install links have none', async () => {
  const page = await pageOf(testApp({ MCP_AUTH_TOKENS: `me:${TOKEN}` }));
  assert.ok(textOf(page).includes('--header &quot;Authorization: Bearer YOUR_TOKEN&quot;'));
  for (const [, href = ''] of page.matchAll(/href="([^"]*)"/g)) assert.doesNotMatch(href, /token/i);
  const signedIn = await pageOf(testApp({ MCP_OAUTH_ISSUER: 'https://issuer.example', PORT: '3000' }));
  assert.ok(textOf(signedIn).includes('claude mcp add --transport http test-server http://127.0.0.1:3000/mcpCopy'));
});

test('answers HEAD at / without a body, other methods with 405, and clients that read no HTML with 404', async () => {
  const app = testApp();
  const head = await app.request('HEAD', { path: '/', headers: BROWSER });
  assert.deepEqual([head.status, await head.text()], [200, '']);
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const refused = await app.request(method, { path: '/', headers: BROWSER });
    const text = await assertRefused(refused, { status: 405, code: -32000, headers: { allow: 'GET, HEAD' } });
    assert.match(text, /the MCP endpoint is \/mcp/);
  }
  for (const accept of [JSON_HEADERS.accept, 'text/event-stream', 'application/json', 'text/html;q=0']) {
    const refused = await app.request('GET', { path: '/', headers: { accept } });
    assert.equal(await assertRefused(refused, { status: 404, code: -32000, headers: { vary: 'Accept' } }), NOT_FOUND);
  }
  const anything = await app.request('GET', { path: '/', headers: { accept: '*/*' } });
  assert.deepEqual([anything.status, anything.headers.get('vary')], [200, 'Accept']);
});

test('checks Host and Origin before the page', async () => {
  for (const headers of [{ host: 'evil.example' }, { origin: 'https://evil.example' }]) {
    const response = await testApp().request('GET', { path: '/', headers: { ...BROWSER, ...headers } });
    await assertRefused(response, { status: 403, code: -32000 });
  }
});

test('sends a browser that opens /mcp to the page, before authentication, whatever prefix a proxy has stripped', async () => {
  const env = { MCP_PUBLIC_URL: 'http://localhost:3000/apps/slugs/mcp' };
  const app = testApp(env, { authenticate: () => assert.fail('a browser is not authenticated') });
  for (const headers of [BROWSER, { accept: '*/*', 'sec-fetch-mode': 'navigate' }]) {
    for (const path of ['/mcp', '/mcp/', '/mcp?x=y', '/apps/slugs/mcp']) {
      const response = await app.request('GET', { path, headers });
      const to = new URL(response.headers.get('location') ?? '', new URL(path, 'http://localhost')).pathname;
      assert.deepEqual([response.status, to], [303, path.startsWith('/apps') ? '/apps/slugs/' : '/'], path);
    }
  }
});

test('clients get from /mcp what they get without the page', async () => {
  const [on, off] = [testApp(), testApp({ MCP_CONNECT_PAGE: 'off' })];
  const requests: [string, Record<string, string>][] = [
    ['GET', {}],
    ['GET', { accept: '*/*' }],
    ['GET', { accept: 'text/event-stream', 'sec-fetch-mode': 'cors' }],
    ['GET', { accept: 'text/html, text/event-stream' }],
    ['DELETE', BROWSER],
    ['PUT', BROWSER],
  ];
  for (const [method, headers] of requests) {
    const [here, there] = await Promise.all([on, off].map((app) => app.request(method, { headers })));
    assert.deepEqual([here?.status, await here?.text()], [there?.status, await there?.text()]);
    assert.ok([400, 405].includes(here?.status ?? 0));
  }
  assert.equal((await on.request('POST', modernRequest('tools/list'))).status, 200);
});

test('MCP_CONNECT_PAGE=off leaves 404 at /, and no redirect', async () => {
  const app = testApp({ MCP_CONNECT_PAGE: 'off' });
  for (const method of ['GET', 'POST']) {
    const refused = await app.request(method, { path: '/', headers: BROWSER });
    assert.equal(await assertRefused(refused, { status: 404, code: -32000 }), NOT_FOUND);
  }
  assert.equal((await app.request('GET', { headers: BROWSER })).status, 400);
});

test('visitors cost no more servers than one does', async () => {
  let built = 0;
  const createServer = () => {
    built += 1;
    return new McpServer({ name: 'counted', version: '1' });
  };
  const app = testApp({}, { createServer });
  await pageOf(app);
  const once = built;
  for (let visitor = 0; visitor < 20; visitor += 1) await pageOf(app);
  assert.equal(built, once);
});
