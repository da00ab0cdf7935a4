/**
 * The same clients on every runtime: Node.js 20, 22 and 24, Bun, Deno, and workerd, the runtime of Cloudflare Workers. Not part
 * of `npm test`, because the runtimes are downloaded at the first run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answerOf,
  initializeRequest,
  JSON_HEADERS,
  LATEST_LEGACY,
  messagesIn,
  modernRequest,
  openSession,
  readStream,
  rpc,
} from '../support/app.ts';
import { CLIENTS, connectHttp } from '../support/clients.ts';
import { send } from '../support/plain-request.ts';
import { assertRefused } from '../support/refusal.ts';
import { remoteApp } from '../support/remote.ts';
import { RUNTIMES } from './packages.ts';
import { startOn } from './start.ts';

const PAGE = 'https://app.example.com';
const TITLES = Array.from({ length: 400 }, (_, index) => `Title ${index}`);
const BATCH = { name: 'slugify-batch', arguments: { titles: TITLES } };
const TOLD = { ...BATCH, _meta: { progressToken: 'told' } };
const SLUGIFY = { name: 'slugify', arguments: { text: 'Hello World' } };
const COUNT_URI = 'slugs://count';

for (const runtime of RUNTIMES) {
  test(`without sessions on ${runtime}`, async (t) => {
    const { url } = await startOn(t, runtime, { MCP_SESSIONS: 'stateless', MCP_ALLOWED_ORIGINS: PAGE });
    const { request } = remoteApp(url);
    const { port } = new URL(url);

    for (const { kind, era } of CLIENTS) {
      await t.test(`lists tools, calls them and hears of their progress with a ${kind} client`, async (inner) => {
        const client = await connectHttp(inner, kind, url);
        assert.equal(client.era, era);
        const { tools } = await client.listTools();
        assert.deepEqual(tools.map(({ name }) => name).toSorted(), ['slugify', 'slugify-batch']);
        assert.deepEqual((await client.call('slugify', SLUGIFY.arguments)).structuredContent, { slug: 'hello-world' });
        const updates: unknown[] = [];
        const { structuredContent } = await client.call('slugify-batch', BATCH.arguments, {
          onprogress: (update) => updates.push(update),
        });
        assert.deepEqual((structuredContent as { slugs: string[] }).slugs.length, TITLES.length);
        assert.equal(updates.length, 40);
        assert.deepEqual(updates.at(-1), { progress: TITLES.length, total: TITLES.length });
      });

      await t.test(`goes on after a ${kind} client has cancelled a call`, async (inner) => {
        const client = await connectHttp(inner, kind, url);
        const controller = new AbortController();
        const call = client.call('slugify-batch', BATCH.arguments, {
          onprogress: () => controller.abort(),
          signal: controller.signal,
        });
        await assert.rejects(call);
        assert.deepEqual((await client.call('slugify', SLUGIFY.arguments)).structuredContent, { slug: 'hello-world' });
      });
    }

    await t.test('answers 200 to initialize without a session id, and to a call with one JSON body', async () => {
      const opened = await request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
      assert.deepEqual([opened.status, opened.headers.get('mcp-session-id')], [200, null]);
      assert.equal((await answerOf(opened)).result?.['protocolVersion'], LATEST_LEGACY);
      const called = await request('POST', { headers: JSON_HEADERS, body: rpc('tools/call', SLUGIFY) });
      assert.match(called.headers.get('content-type') ?? '', /^application\/json/);
      assert.deepEqual((await answerOf(called)).result?.['structuredContent'], { slug: 'hello-world' });
    });

    await t.test('answers 200 to server/discover', async () => {
      const { result } = await answerOf(await request('POST', modernRequest('server/discover')));
      assert.match(JSON.stringify(result), /"supportedVersions":\[[^\]]*"2026-07-28"/);
    });

    for (const [era, call] of [
      ['2025-11-25', { headers: JSON_HEADERS, body: rpc('tools/call', TOLD) }],
      ['2026-07-28', modernRequest('tools/call', TOLD)],
    ] as const) {
      await t.test(`streams the progress of a ${era} call, and its result at the end`, async () => {
        const response = await request('POST', call);
        assert.equal(response.headers.get('content-type'), 'text/event-stream');
        const messages = messagesIn(await response.text());
        assert.equal(messages.filter(({ method }) => method === 'notifications/progress').length, 40);
        assert.equal(messages.at(-1)?.['id'], call.body.id);
      });

      await t.test(`answers 50 ${era} calls at once, each with its own result`, async () => {
        const texts = Array.from({ length: 50 }, (_, index) => `text ${index}`);
        const answers = texts.map(async (text) => {
          const params = { name: 'slugify', arguments: { text } };
          const { result } = await answerOf(
            await request(
              'POST',
              era === '2026-07-28' ? modernRequest('tools/call', params) : { ...call, body: rpc('tools/call', params) },
            ),
          );
          return result?.['structuredContent'];
        });
        assert.deepEqual(
          await Promise.all(answers),
          texts.map((text) => ({ slug: text.replace(' ', '-') })),
        );
      });
    }

    await t.test(
      'acknowledges subscriptions/listen, tells of a change, and goes on when the client has left',
      async () => {
        const listen = modernRequest('subscriptions/listen', { notifications: { resourceSubscriptions: [COUNT_URI] } });
        const stream = readStream(await request('POST', listen));
        assert.equal((await stream.next()).message?.['method'], 'notifications/subscriptions/acknowledged');
        assert.equal((await request('POST', modernRequest('tools/call', SLUGIFY))).status, 200);
        const { message } = await stream.next();
        assert.equal(message?.['method'], 'notifications/resources/updated');
        await stream.cancel();
        assert.equal((await request('POST', modernRequest('tools/call', SLUGIFY))).status, 200);
      },
    );

    await t.test('answers 400 to what is not JSON, 405 to GET and DELETE, 404 to an unknown path', async () => {
      const bad = await request('POST', { headers: JSON_HEADERS, body: '{' });
      await assertRefused(bad, { status: 400, code: -32700 });
      for (const method of ['GET', 'DELETE']) {
        const refused = await request(method, { headers: { accept: 'text/event-stream' } });
        await assertRefused(refused, { status: 405, code: -32000, headers: { allow: 'POST' } });
      }
      assert.equal((await request('GET', { path: '/nothing' })).status, 404);
    });

    await t.test('answers a browser with the page, and sends it there from /mcp', async () => {
      const headers = { accept: 'text/html' };
      const page = await request('GET', { path: '/', headers });
      assert.equal(page.status, 200);
      assert.match(page.headers.get('content-security-policy') ?? '', /script-src 'sha256-[\w+/=]+'/);
      assert.match(await page.text(), /data-tool="slugify-batch"/);
      const opened = await fetch(url, { headers, redirect: 'manual' });
      assert.deepEqual([opened.status, opened.headers.get('location')], [303, './']);
    });

    await t.test('answers 413 to a body that is too large, with a declared length or without', async () => {
      const text = 'x'.repeat(5 * 1024 * 1024);
      const declared = await request('POST', { headers: JSON_HEADERS, body: rpc('tools/call', { text }) });
      assert.equal(declared.status, 413);
      const body = new Blob([text]).stream();
      const init = { method: 'POST', headers: JSON_HEADERS, body, duplex: 'half' } as const;
      assert.equal((await fetch(url, init)).status, 413);
    });

    await t.test('answers 403 to an unknown Host, and to the Origin of an unknown page', async () => {
      const { body, headers } = modernRequest('tools/list');
      for (const [name, value, status] of [
        ['host', 'evil.example', 403],
        ['origin', 'https://evil.example', 403],
        ['origin', PAGE, 200],
      ] as const) {
        const call = { method: 'POST', path: '/mcp', headers: { ...headers, [name]: value }, body };
        assert.equal((await send(Number(port), call)).status, status, value);
      }
    });

    await t.test('answers 204 to the preflight of a page', async () => {
      const headers = {
        origin: PAGE,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'mcp-protocol-version, content-type',
      };
      const { status, headers: answered } = await send(Number(port), { method: 'OPTIONS', path: '/mcp', headers });
      assert.deepEqual([status, answered['access-control-allow-origin']], [204, PAGE]);
      assert.match(String(answered['access-control-allow-headers']), /mcp-protocol-version/);
    });

    await t.test('answers 200 to health checks', async () => {
      for (const path of ['/livez', '/readyz']) {
        const response = await request('GET', { path });
        assert.deepEqual([response.status, await response.text()], [200, 'ok']);
      }
    });
  });

  if (runtime === 'workerd') continue;
  for (const era of ['2025-11-25', '2026-07-28'] as const) {
    test(`finishes a running ${era} call on SIGTERM, and ends with code 0, on ${runtime}`, async (t) => {
      const { url, process } = await startOn(t, runtime, { MCP_SESSIONS: 'stateless' });
      const { request } = remoteApp(url);
      const call =
        era === '2025-11-25'
          ? { headers: JSON_HEADERS, body: rpc('tools/call', TOLD) }
          : modernRequest('tools/call', TOLD);
      const response = await request('POST', call);
      process.signal('SIGTERM');
      assert.equal(messagesIn(await response.text()).at(-1)?.['id'], call.body.id);
      assert.deepEqual(await process.exit(), { code: 0, signal: null });
    });
  }

  test(`with sessions on ${runtime}`, async (t) => {
    const { url } = await startOn(t, runtime, { MCP_SESSIONS: 'stateful' });
    const app = remoteApp(url);

    for (const kind of ['v1', 'v2 legacy'] as const) {
      await t.test(`gives a session to a ${kind} client, which hears of a change on its GET stream`, async (inner) => {
        const client = await connectHttp(inner, kind, url);
        assert.ok(client.transport.sessionId);
        await client.follow(COUNT_URI);
        await client.call('slugify', SLUGIFY.arguments);
        await client.heard.next('notifications/resources/updated', { uri: COUNT_URI });
      });
    }

    await t.test('resumes the stream of a call, and answers 404 to a session that was ended', async () => {
      const session = await openSession(app);
      const stream = readStream(await session.post(rpc('tools/call', TOLD, 'long')));
      const { id } = await stream.next();
      await stream.cancel();
      assert.equal((await answerOf(await session.get(id))).id, 'long');
      assert.equal((await session.delete()).status, 204);
      await assertRefused(await session.post(rpc('ping', {}, 1)), { status: 404, code: -32001, id: 1 });
    });
  });
}
