/** What nginx does with the shipped configuration when nodes answer badly. Not part of `npm test`: it needs nginx. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { freePort } from '../support/ports.ts';
import { startCommand } from '../support/process.ts';
import { nginxConfig, nginxOptions, startNginx, type Spreading } from './nginx.ts';

const SPREADINGS = ['round robin', 'by session'] satisfies Spreading[];
const ATTEMPTS = 12;

/** Starts a server on loopback that counts its requests. */
async function startUpstream(t: TestContext, answer: RequestListener) {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      bodies.push(body);
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, bodies, close: () => server.close() };
}

const answers = (status: number): RequestListener => {
  return (_, response) => void response.writeHead(status, { connection: 'close' }).end(`from ${status}`);
};

/** POSTs with a session id of its own, so that both ways of spreading meet all nodes. */
async function post(port: number, attempt: number): Promise<{ status: number; text: string }> {
  const init = { method: 'POST', body: `call ${attempt}`, headers: { 'mcp-session-id': `session ${attempt}` } };
  const response = await fetch(`http://127.0.0.1:${port}/mcp`, init);
  return { status: response.status, text: await response.text() };
}

async function postAll(port: number) {
  const all = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) all.push(await post(port, attempt));
  return all;
}

for (const spreading of SPREADINGS) {
  test(`nginx -t accepts the configuration, ${spreading}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'nginx-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'nginx.conf');
    await writeFile(file, await nginxConfig(await freePort(), [1], folder, spreading));
    const { args, env } = nginxOptions(file, folder);
    const tested = startCommand(t, 'nginx', { args: ['-t', ...args], env });
    const { code } = await tested.exit();
    assert.equal(code, 0, tested.stderr);
    assert.doesNotMatch(tested.stderr, /warn|emerg/);
  });

  test(`a POST that one node answers 503 goes to another, ${spreading}`, async (t) => {
    const [stopping, serving] = [await startUpstream(t, answers(503)), await startUpstream(t, answers(200))];
    const { port } = await startNginx(t, [stopping.port, serving.port], spreading);
    const all = await postAll(port);
    assert.deepEqual(new Set(all.map(({ text }) => text)), new Set(['from 200']));
    assert.equal(serving.bodies.length, ATTEMPTS);
    assert.ok(stopping.bodies.length > 0);
  });

  test(`a POST that all nodes answer 503 gets that answer, ${spreading}`, async (t) => {
    const nodes = [await startUpstream(t, answers(503)), await startUpstream(t, answers(503))];
    const { port } = await startNginx(
      t,
      nodes.map((node) => node.port),
      spreading,
    );
    for (const answer of await postAll(port)) assert.deepEqual(answer, { status: 503, text: 'from 503' });
  });

  test(`a POST goes to another node if one refuses the connection, ${spreading}`, async (t) => {
    const serving = await startUpstream(t, answers(200));
    const { port } = await startNginx(t, [await freePort(), serving.port], spreading);
    for (const { status } of await postAll(port)) assert.equal(status, 200);
  });

  test(`a POST goes to another node if one answers 503 and then refuses connections, ${spreading}`, async (t) => {
    // With the node that serves, or without it, so that the next attempt meets the one that is gone.
    const serving = await startUpstream(t, answers(200));
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const stopping = await startUpstream(t, (request, response) => {
        stopping.close();
        answers(503)(request, response);
      });
      const { port } = await startNginx(t, [stopping.port, serving.port], spreading);
      assert.deepEqual(await post(port, attempt), { status: 200, text: 'from 200' });
      if (stopping.bodies.length > 0) return;
    }
    assert.fail('it was never asked');
  });

  test(`a POST is not sent again if a node breaks the connection, ${spreading}`, async (t) => {
    const breaking = await startUpstream(t, (request) => request.socket.destroy());
    const stopping = await startUpstream(t, answers(503));
    const { port } = await startNginx(t, [breaking.port, stopping.port], spreading);
    for (const { status } of await postAll(port)) assert.equal(status, 502);
    assert.equal(new Set(breaking.bodies).size, breaking.bodies.length, 'each call once');
    assert.equal(breaking.bodies.length, ATTEMPTS);
  });

  test(`a POST is not sent again if a node breaks the connection that is kept, ${spreading}`, async (t) => {
    const breaking = await startUpstream(t, (request, response) => {
      if (breaking.bodies.length % 2 === 1) response.end('kept');
      else request.socket.destroy();
    });
    const serving = await startUpstream(t, answers(503));
    const { port } = await startNginx(t, [breaking.port, serving.port], spreading);
    await postAll(port);
    assert.equal(new Set(breaking.bodies).size, breaking.bodies.length, 'each call once');
    assert.equal(breaking.bodies.length, ATTEMPTS);
  });
}
