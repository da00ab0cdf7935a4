import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test, type TestContext } from 'node:test';
import { settingsTable } from '../../src/config/config.ts';
import { freePort } from '../support/ports.ts';
import { startEntry, startHttpEntry } from '../support/process.ts';

const CHECK = 'src/node/healthcheck.ts';
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

interface Verdict {
  code: number | null;
  line: string;
}

async function check(t: TestContext, env: Record<string, string>): Promise<Verdict> {
  const started = startEntry(t, CHECK, { env });
  const { code } = await started.exit();
  assert.equal(started.stderr, '');
  assert.match(started.stdout, /^[^\n]+\n$/, 'exactly one line');
  return { code, line: started.stdout.trimEnd() };
}

const OPEN = { MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true' };
const HOSTS = [{}, { HOST: 'localhost' }, { HOST: '0.0.0.0', ...OPEN }, ...(hasIpv6 ? [{ HOST: '::', ...OPEN }] : [])];
for (const env of HOSTS) {
  const name = 'HOST' in env ? `HOST=${env.HOST}` : 'the default HOST';
  test(`finds the server of the same environment with ${name}, and ends with code 0`, async (t) => {
    const server = await startHttpEntry(t, { env });
    const { port } = new URL(server.url);
    const { code, line } = await check(t, { ...env, PORT: port });
    assert.equal(code, 0, line);
    assert.match(line, /\/readyz answers 200 "ok"$/);
  });
}

test('reads the same defaults as the server', async (t) => {
  const fallbackOf = (name: string) => settingsTable().find(({ variable }) => variable === name)?.fallback;
  const { line } = await check(t, { HOST: ' ', PORT: '' });
  assert.ok(line.startsWith(`http://${fallbackOf('HOST')}:${fallbackOf('PORT')}/readyz`), line);
});

test('ends with code 0 if the server is degraded', async (t) => {
  const port = await answering(t, (_, response) => response.end('degraded'));
  assert.deepEqual(await check(t, { PORT: String(port) }), {
    code: 0,
    line: `http://127.0.0.1:${port}/readyz answers 200 "degraded"`,
  });
});

test('ends with code 1 and the reason if the server is stopping', async (t) => {
  const port = await answering(t, (_, response) => response.writeHead(503).end('stopping'));
  assert.deepEqual(await check(t, { PORT: String(port) }), {
    code: 1,
    line: `http://127.0.0.1:${port}/readyz answers 503 "stopping"`,
  });
});

test('ends with code 1 if nothing listens, with the address in its line', async (t) => {
  const { code, line } = await check(t, { PORT: String(await freePort()) });
  assert.equal(code, 1);
  assert.match(line, /^http:\/\/127\.0\.0\.1:\d+\/readyz: connect ECONNREFUSED/);
});

test('ends with code 1 if there is no answer in time', async (t) => {
  const silent = createTcpServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const { code, line } = await check(t, { PORT: String(port) });
  assert.equal(code, 1);
  assert.match(line, /does not answer within 3000 ms$/);
});

for (const [port, reason] of [
  ['0', /PORT=0 takes any free port/],
  ['http', /Invalid URL/],
] as const) {
  test(`ends with code 1 and one line on PORT=${port}`, async (t) => {
    const { code, line } = await check(t, { PORT: port });
    assert.equal(code, 1);
    assert.match(line, reason);
  });
}

async function answering(t: TestContext, listener: RequestListener): Promise<number> {
  const server: Server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
