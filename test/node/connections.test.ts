import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { gate, modernRequest, openSession } from '../support/app.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';
import { fixture, type Tool } from '../support/fixture.ts';
import { startListening } from '../support/listening.ts';
import { remoteApp } from '../support/remote.ts';
import { settled } from '../support/time.ts';
import { watchText } from '../support/watch.ts';
import { linesOf, rawRequest, readAnswers } from '../wire/raw-http.ts';

const MAX_UNANSWERED = 2;
const WRITE_TIMEOUT_MS = 60_000;
/** More than the kernel holds for a client that does not read. */
const LARGE_CHARS = 16 * 1024 * 1024;
const LIVEZ = rawRequest({ line: 'GET /livez HTTP/1.1', framing: '' });

function connectTo(t: TestContext, port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  t.after(() => socket.destroy());
  return socket;
}

function callOf(name: string, args: Record<string, unknown> = {}): string {
  const { headers, body } = modernRequest('tools/call', { name, arguments: args });
  return rawRequest({ headers: linesOf(headers), body: JSON.stringify(body) });
}

/** Resolves when the server has read whatever was sent to it before. */
async function hasRead(url: string): Promise<void> {
  for (let round = 0; round < 3; round += 1) assert.equal((await fetch(new URL('/livez', url))).status, 200);
  await settled();
}

/** A tool whose calls wait, each for a gate of its own. */
function held(): { wait: Tool; started: number[]; release: (call: number) => void } {
  const started: number[] = [];
  const gates = new Map<number, () => void>();
  return {
    started,
    release: (call) => gates.get(call)?.(),
    async wait({ args }) {
      const { opened, open } = gate();
      const call = Number(args['call']);
      gates.set(call, open);
      started.push(call);
      await opened;
      return call;
    },
  };
}

/** Counts the requests of a client's connection that Node.js has parsed. */
function countParsed(t: TestContext, client: Socket): () => number {
  let count = 0;
  const onRequest = (message: unknown) => {
    const { request } = message as { request: IncomingMessage };
    if (request.socket.remotePort === client.localPort) count += 1;
  };
  subscribe('http.server.request.start', onRequest);
  t.after(() => unsubscribe('http.server.request.start', onRequest));
  return () => count;
}

const callsOf = (name: string, count: number) =>
  Array.from({ length: count }, (_, call) => callOf(name, { call })).join('');

test(`takes ${MAX_UNANSWERED} requests of a connection at a time, and the next when an answer has left`, async (t) => {
  const tool = held();
  const { port, url } = await startListening(t, {}, fixture({ wait: tool.wait }));
  const socket = connectTo(t, port);
  const parsed = countParsed(t, socket);
  const answers = watchText(socket);
  socket.write(callsOf('wait', 6));
  await hasRead(url);
  socket.write(LIVEZ.repeat(3000));
  await hasRead(url);
  assert.deepEqual(tool.started, [0, 1]);
  assert.equal(parsed(), 6, 'nothing is read while requests wait');

  // Answers leave in their order, so that the second does not make room.
  tool.release(1);
  await hasRead(url);
  assert.deepEqual(tool.started, [0, 1]);
  tool.release(0);
  await answers.match(/"text":"1"/);
  await hasRead(url);
  assert.deepEqual(tool.started, [0, 1, 2, 3]);

  for (const call of [2, 3]) tool.release(call);
  await answers.match(/"text":"3"/);
  await hasRead(url);
  for (const call of [4, 5]) tool.release(call);
  while (readAnswers(Buffer.from(answers.text)).answers.length < 3006) await once(socket, 'data');
  assert.deepEqual(
    [...answers.text.matchAll(/"text":"(\d)"/g)].map(([, call]) => Number(call)),
    [0, 1, 2, 3, 4, 5],
  );
});

test('takes no request of a connection while a megabyte waits for its client', async (t) => {
  const started = [gate(), gate(), gate()];
  let calls = 0;
  const large = () => {
    started[calls]?.open();
    calls += 1;
    return 'x'.repeat(LARGE_CHARS);
  };
  const { port, url } = await startListening(t, {}, fixture({ large }));
  const socket = connectTo(t, port).pause();
  socket.write(callOf('large'));
  await started[0]?.opened;
  await hasRead(url);
  socket.write(callsOf('large', 2));
  await hasRead(url);
  assert.equal(calls, 1);

  socket.resume();
  await Promise.all(started.map(({ opened }) => opened));
});

test('has nothing to wait for when it closes after the answers to requests that had to wait for their turn', async (t) => {
  const { createServer } = fixture({ large: () => 'x'.repeat(LARGE_CHARS) });
  const { port, url, close } = await startListening(t, {}, { createServer, listenerClock: manualClock() });
  const socket = connectTo(t, port);
  socket.write(callsOf('large', 3));
  while (socket.bytesRead < 3 * LARGE_CHARS) await once(socket, 'data');
  await hasRead(url);
  // No time passes.
  await close();
});

test('lets go of requests that wait for their turn when their connection closes', async (t) => {
  const tool = held();
  const { port, url, close } = await startListening(
    t,
    {},
    { ...fixture({ wait: tool.wait }), listenerClock: manualClock() },
  );
  const socket = connectTo(t, port);
  socket.write(callsOf('wait', 6));
  await hasRead(url);
  assert.equal(tool.started.length, MAX_UNANSWERED);
  // No time passes: nothing is left to wait for once the answers cannot be sent any more.
  socket.resetAndDestroy();
  for (const call of tool.started) tool.release(call);
  await close();
  assert.equal(tool.started.length, MAX_UNANSWERED);
});

/** Advances the listener's time in steps, between which its sockets do what they can. */
async function passTime(clock: ManualClock, milliseconds: number, url: string): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += WRITE_TIMEOUT_MS / 4) {
    clock.advance(WRITE_TIMEOUT_MS / 4);
    await hasRead(url);
  }
}

test('cuts a connection whose client accepts nothing of its answer for a minute, whatever it sends', async (t) => {
  const clock = manualClock();
  const { createServer } = fixture({ large: () => 'x'.repeat(LARGE_CHARS) });
  const { port, url } = await startListening(t, {}, { createServer, listenerClock: clock });
  const socket = connectTo(t, port);
  socket.write(callOf('large'));
  await once(socket, 'readable');
  await hasRead(url);

  for (const part of ['GET /livez ', 'HTTP/1.1\r\n', 'Host: 127.0.0.1\r\n']) {
    socket.write(part);
    await passTime(clock, WRITE_TIMEOUT_MS / 2, url);
  }
  let bytes = 0;
  socket.on('data', (chunk) => (bytes += chunk.length)).resume();
  // Not by `once`, which would reject: a connection that is cut may be reset.
  await new Promise((resolve) => socket.once('close', resolve));
  assert.ok(bytes < LARGE_CHARS, `${bytes} bytes`);
});

test('does not cut a connection whose client accepts its answer slowly', async (t) => {
  const clock = manualClock();
  const { createServer } = fixture({ large: () => 'x'.repeat(LARGE_CHARS) });
  const { port, url } = await startListening(t, {}, { createServer, listenerClock: clock });
  const socket = connectTo(t, port);
  socket.write(callOf('large'));
  let bytes = 0;
  // It is one write to the server, of which the client takes a part now and then.
  while (bytes < LARGE_CHARS) {
    for (let read = 0; read < 4 * 1024 * 1024;) {
      const chunk = socket.read() as Buffer | null;
      if (chunk) read += chunk.length;
      else if (bytes + read >= LARGE_CHARS) break;
      else await once(socket, 'readable');
    }
    bytes = socket.bytesRead;
    await hasRead(url);
    clock.advance(WRITE_TIMEOUT_MS * 0.9);
    await hasRead(url);
  }
  assert.ok(!socket.closed);
});

test('cuts clients that accept nothing when too much waits for all, as many as it takes', async (t) => {
  const clock = manualClock();
  const { createServer } = fixture({ large: () => 'x'.repeat(LARGE_CHARS) });
  const options = { createServer, listenerClock: clock, maxUnsentBytes: 4 * LARGE_CHARS };
  const { port, url } = await startListening(t, {}, options);
  const sockets = Array.from({ length: 8 }, () => connectTo(t, port));
  let closed = 0;
  for (const socket of sockets) {
    socket.write(callOf('large'));
    await once(socket, 'readable');
    socket.once('close', () => (closed += 1));
  }
  await hasRead(url);
  // The first look only sees what has been accepted so far.
  clock.advance(1000);
  await hasRead(url);
  assert.equal(closed, 0);
  clock.advance(1000);
  await hasRead(url);
  // What the kernel holds is read, and then those that were cut end.
  const sizes = await Promise.all(sockets.map(bytesUntilQuiet));
  const whole = sizes.filter((size) => size > LARGE_CHARS).length;
  assert.ok(whole >= 3 && whole <= 4, `${whole} answers arrived as a whole`);
});

/** Reads until the connection closes, or has delivered a large answer; resolves to the number of bytes. */
async function bytesUntilQuiet(socket: Socket): Promise<number> {
  let bytes = 0;
  const isDone = new Promise<void>((resolve) => {
    socket.once('close', resolve);
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LARGE_CHARS) resolve();
    });
  });
  await isDone;
  return bytes;
}

test('does not cut a stream that has nothing to send', async (t) => {
  const clock = manualClock();
  const appClock = manualClock();
  const { port, url } = await startListening(t, {}, { ...fixture(), clock: appClock, listenerClock: clock });
  const session = await openSession(remoteApp(url));
  const get = rawRequest({ line: 'GET /mcp HTTP/1.1', headers: linesOf(session.headers), framing: '' });
  const socket = connectTo(t, port);
  const stream = watchText(socket);
  socket.write(get);
  await stream.match(/text\/event-stream[^]*\r\n\r\n[^]*\r\n/);
  await passTime(clock, 2 * WRITE_TIMEOUT_MS, url);

  const before = stream.text.length;
  appClock.advance(15_000);
  while (stream.text.length === before) await once(socket, 'data');
  assert.match(stream.text.slice(before), /: keepalive\n\n/);
});
