import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { settingsTable } from '../../src/config/config.ts';
import { JSON_HEADERS, initializeRequest } from '../support/app.ts';
import { canConnect, freePort } from '../support/ports.ts';
import { startEntry, startHttpEntry } from '../support/process.ts';
import { linesAt, logLines } from '../support/log-lines.ts';
import { waitFor } from '../support/time.ts';

const ENTRY = 'src/http-server.ts';

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`says on stderr where it listens and how to connect, and ends with code 0 on ${signal}`, async (t) => {
    const server = await startHttpEntry(t);
    assert.match(server.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*\/mcp$/);
    const body = JSON.stringify(initializeRequest());
    const response = await fetch(server.url, { method: 'POST', headers: JSON_HEADERS, body });
    assert.equal(response.status, 200);
    await response.text();

    server.signal(signal);
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    assert.match(server.stderr, new RegExp(`^MCP server listening on ${server.url} \\(stateful\\)$`, 'm'));
    assert.match(server.stderr, new RegExp(`^ .*claude mcp add --transport http \\S+ ${server.url}$`, 'm'));
    assert.match(server.stderr, new RegExp(`^ .*npx @modelcontextprotocol/inspector --cli ${server.url} `, 'm'));
    assert.equal(server.stdout, '');
  });
}

test('drains for a signal that comes as soon as it says that it listens', async (t) => {
  const terminate = `
    const { write } = process.stderr;
    process.stderr.write = (...args) => {
      const isWritten = write.apply(process.stderr, args);
      if (String(args[0]).includes('listening on')) process.kill(process.pid, 'SIGTERM');
      return isWritten;
    };`;
  const env = { PORT: '0', NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(terminate)}` };
  const server = startEntry(t, ENTRY, { env });
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  assert.match(server.stderr, /"msg":"stopped"/);
});

test('gives answers of every kind an id of the request, once', async (t) => {
  const { url } = await startHttpEntry(t, { env: { MCP_MAX_BODY_BYTES: '1024' } });
  const kinds: string[] = [];
  const ask = async (method: string, headers: Record<string, string> = {}, body?: string, path = '/mcp') => {
    const response = await fetch(new URL(path, url), { method, headers, body: body ?? null });
    // Were there two, they would be joined.
    assert.match(response.headers.get('x-request-id') ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    kinds.push(`${response.status} ${response.headers.get('content-type')}`);
    return response;
  };
  const opened = await ask('POST', JSON_HEADERS, JSON.stringify(initializeRequest()));
  const session = { ...JSON_HEADERS, 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  await ask('POST', session, JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
  await (await ask('GET', { ...session, accept: 'text/event-stream' })).body?.cancel();
  await ask('OPTIONS', { origin: new URL(url).origin, 'access-control-request-method': 'POST' });
  await ask('POST', session, 'x'.repeat(1025));
  await ask('GET', { accept: 'text/html' }, undefined, '/');
  await ask('GET', {}, undefined, '/unknown');
  await ask('DELETE', session);
  assert.deepEqual(kinds, [
    '200 application/json',
    '202 null',
    '200 text/event-stream',
    '204 null',
    '413 application/json',
    '200 text/html; charset=utf-8',
    '404 application/json',
    '204 null',
  ]);
});

test('serves an app with parts of its own', async (t) => {
  const server = await startHttpEntry(t, { entry: 'test/fixtures/own-parts.ts' });
  const body = JSON.stringify(initializeRequest());
  const statusWith = async (more: Record<string, string>) =>
    (await fetch(server.url, { method: 'POST', headers: { ...JSON_HEADERS, ...more }, body })).status;
  assert.deepEqual([await statusWith({}), await statusWith({ 'x-key': 'open' })], [401, 200]);
});

const REFUSALS: { env: Record<string, string>; line: RegExp }[] = [
  { env: { PORT: 'http' }, line: /^PORT=http is not valid: it must be a port from 0 to 65535\.\n/ },
  { env: { HOST: '0.0.0.0' }, line: /^HOST=0\.0\.0\.0 listens beyond loopback without authorization: .*HOST=127/ },
  {
    // TEST-NET-1 (RFC 5737): no machine has this address.
    env: { HOST: '192.0.2.1', MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true' },
    line: /^HOST=192\.0\.2\.1 is not an address of this machine: /,
  },
];
for (const { env, line } of REFUSALS) {
  const [setting] = Object.entries(env).map((pair) => pair.join('='));
  test(`refuses to start with code 1 and one line on ${setting}`, (t) => assertRefused(t, env, line));
}

test('refuses to start with code 1 and one line on a port in use', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const line = new RegExp(
    `^Port ${port} on 127\\.0\\.0\\.1 is in use: stop the program that listens there, or set PORT to another port`,
  );
  await assertRefused(t, { PORT: String(port) }, line);
});

async function assertRefused(t: TestContext, env: Record<string, string>, line: RegExp): Promise<void> {
  const server = startEntry(t, ENTRY, { env: { PORT: '0', ...env } });
  assert.deepEqual(await server.exit(), { code: 1, signal: null });
  assert.match(server.stderr, line);
  assert.equal(server.stderr.indexOf('\n'), server.stderr.length - 1, 'exactly one line');
  assert.equal(server.stdout, '');
}

test('prints every setting on stdout with --help and ends with code 0', async (t) => {
  // A wrong setting must not prevent --help.
  const help = startEntry(t, ENTRY, { args: ['--help'], env: { PORT: 'http' } });
  assert.deepEqual(await help.exit(), { code: 0, signal: null });
  for (const { variable, fallback, meaning } of settingsTable()) {
    const row = help.stdout.split('\n').find((text) => text.startsWith(`${variable} `));
    assert.ok(row?.includes(fallback) && row.includes(meaning), `${variable} in:\n${help.stdout}`);
  }
  assert.equal(help.stderr, '');
});

test('refuses any other option with code 1 and one line', async (t) => {
  const server = startEntry(t, ENTRY, { args: ['--port'] });
  assert.deepEqual(await server.exit(), { code: 1, signal: null });
  assert.equal(server.stderr, '--port is not an option: settings are environment variables, see --help.\n');
});

test('warns of a variable that looks like a setting but is not one, and starts', async (t) => {
  const server = await startHttpEntry(t, { env: { MCP_ALOWED_HOSTS: 'mcp.example.com', MCP_SESSIONS: 'stateless' } });
  await server.stderrMatch(/"warn".*--help/);
  const [warning, ...more] = linesAt('warn', server.stderr);
  assert.deepEqual(more, []);
  assert.equal(warning?.['name'], 'MCP_ALOWED_HOSTS');
  assert.match(server.stderr, /^MCP server listening on \S+ \(stateless\)$/m);
});

const TOKEN = 'static-token-0123456789abcdefghijklmnop';
const SECRET = 'introspection-secret';

test('asks for tokens, says whose it takes, and keeps secrets out of everything it writes', async (t) => {
  const env = {
    MCP_AUTH_TOKENS: `ci:${TOKEN}`,
    MCP_OAUTH_ISSUER: 'https://issuer.example',
    MCP_PUBLIC_URL: 'https://mcp.example.com/mcp',
    MCP_INTROSPECTION_CLIENT_ID: 'me',
    MCP_INTROSPECTION_CLIENT_SECRET: SECRET,
    LOG_LEVEL: 'debug',
  };
  const server = await startHttpEntry(t, { env });
  for (const [authorization, status] of [
    [`Bearer ${TOKEN}`, 200],
    ['', 401],
  ] as const) {
    const headers = { ...JSON_HEADERS, authorization };
    const response = await fetch(server.url, { method: 'POST', headers, body: JSON.stringify(initializeRequest()) });
    assert.equal(response.status, status);
    await response.text();
  }
  server.signal('SIGTERM');
  await server.exit();
  assert.match(server.stderr, /^ .*https:\/\/issuer\.example$/m);
  assert.match(server.stderr, /^ .* ci$/m);
  assert.doesNotMatch(server.stderr + server.stdout, new RegExp(`${TOKEN}|${SECRET}`));
});

for (const [variable, value] of Object.entries({
  MCP_AUTH_TOKENS: `ci:${TOKEN},ci:${TOKEN}`,
  MCP_INTROSPECTION_CLIENT_SECRET: SECRET,
})) {
  test(`refuses to start on a wrong ${variable}, without its value`, async (t) => {
    const server = startEntry(t, ENTRY, { env: { PORT: '0', [variable]: value } });
    assert.deepEqual(await server.exit(), { code: 1, signal: null });
    assert.match(server.stderr, new RegExp(`^.*${variable}`));
    assert.doesNotMatch(server.stderr, new RegExp(`${TOKEN}|${SECRET}`));
  });
}

test('ends at once with code 0 on a second signal', async (t) => {
  const server = await startHttpEntry(t);
  // A request whose body never comes keeps the first signal's stop from ending by itself.
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  t.after(() => socket.destroy());
  const head = 'POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n';
  await new Promise((resolve) => socket.on('error', () => {}).write(head, resolve));
  // Answered on another connection, later: the server has read the first one by then.
  assert.equal((await fetch(new URL('/livez', server.url))).status, 200);

  // While the process is stopped both signals are kept, and neither can be over before the other comes.
  server.signal('SIGSTOP');
  server.signal('SIGINT');
  server.signal('SIGTERM');
  server.signal('SIGCONT');
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  const messages = logLines(server.stderr).map(({ msg }) => msg);
  assert.deepEqual(messages, ['stopping; a second signal exits right away']);
});

test('is found under 127.0.0.1 with HOST=localhost', async (t) => {
  const { url } = await startHttpEntry(t, { env: { HOST: 'localhost' } });
  const { port } = new URL(url);
  assert.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200);
});

test('goes on if nobody reads what it prints when it starts', async (t) => {
  const port = await freePort();
  const server = startEntry(t, ENTRY, { env: { PORT: String(port) } });
  server.closeStderr();
  await waitFor(() => canConnect(port));
  assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200);
  server.signal('SIGTERM');
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
});
