/** What happens to requests that arrive while the listener closes, and to connections that none arrives on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { manualClock } from '../support/clock.ts';
import { startListening } from '../support/listening.ts';
import { canConnect } from '../support/ports.ts';
import { pass, waitFor } from '../support/time.ts';
import { watchText } from '../support/watch.ts';

const CLIENTS = 30;

/** Connects, sends a request on each connection, wakes the thread that has started it, and then posts the answers. */
const CLIENT = `
const { connect } = require('node:net');
const { parentPort, workerData: { port, clients, sent } } = require('node:worker_threads');
const request = 'GET /livez HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n';
const answers = Array.from({ length: clients }, () => new Promise((resolve) => {
  let answer = '';
  const socket = connect(port, '127.0.0.1', () => socket.write(request, () => {
    if (Atomics.add(sent, 0, 1) + 1 === clients) Atomics.notify(sent, 0);
  }));
  socket.on('data', (data) => (answer += data)).on('error', ({ code }) => (answer += code)).on('close', () => resolve(answer));
}));
Promise.all(answers).then((all) => parentPort.postMessage(all));
`;

test('answers all requests that have arrived but were not read yet when the listener closes', async (t) => {
  const { port, close } = await startListening(t);
  const sent = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(CLIENT, { eval: true, workerData: { port, clients: CLIENTS, sent } });
  const answered = once(worker, 'message');
  // This thread does nothing meanwhile, so that they wait in the system.
  for (let count = 0; count < CLIENTS; count = Atomics.load(sent, 0)) Atomics.wait(sent, 0, count);
  await close();
  const [answers] = (await answered) as [string[]];
  assert.deepEqual(
    answers.map((answer) => answer.slice(0, 12)),
    answers.map(() => 'HTTP/1.1 200'),
  );
  await worker.terminate();
});

/** How long requests must have ceased for idle connections to be ended, and how long at most that is waited for. */
const [CEASED_MS, MOST_MS] = [250, 1000];
const STEP_MS = 25;
const READY = 'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';

/** A server that has drained while two connections were kept. */
async function drainedWithTwoKept(t: TestContext) {
  const clock = manualClock();
  const { port, drain, close } = await startListening(t, {}, { listenerClock: clock });
  const kept = [keptConnection(t, port), keptConnection(t, port)] as const;
  for (const { answers } of kept) await answers.match(/^HTTP\/1\.1 200 [^]*keep-alive/);
  await drain();
  return { clock, port, kept, close };
}

function keptConnection(t: TestContext, port: number) {
  const socket = connectTo(t, port);
  socket.write(READY);
  return { socket, answers: watchText(socket) };
}

function connectTo(t: TestContext, port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  return socket.on('error', () => {});
}

/** Sends a request on a connection of its own, and reads the answer. */
async function ask(t: TestContext, port: number): Promise<void> {
  const { socket, answers } = keptConnection(t, port);
  await answers.match(/^HTTP\/1\.1 503 /);
  if (!socket.closed) await once(socket, 'close');
}

test('ends an idle connection with its next answer while requests arrive, and the others when none has for 250 ms', async (t) => {
  const { clock, port, kept, close } = await drainedWithTwoKept(t);
  const [used, idle] = kept;
  await ask(t, port);
  const closed = close();
  await pass(clock, CEASED_MS - STEP_MS, STEP_MS);
  assert.equal(used.socket.readyState, 'open');
  used.socket.write(READY);
  await used.answers.match(/HTTP\/1\.1 503 [^]*\r\nconnection: close\r\n/i);

  await pass(clock, CEASED_MS - STEP_MS, STEP_MS);
  assert.equal(idle.socket.readyState, 'open');
  const ended = once(idle.socket, 'close');
  await pass(clock, STEP_MS, STEP_MS);
  await Promise.all([closed, ended]);
});

test('ends idle connections after a second although requests keep arriving', async (t) => {
  const { clock, port, kept, close } = await drainedWithTwoKept(t);
  await ask(t, port);
  const closed = close();
  for (let passed = 0; passed < MOST_MS; passed += STEP_MS) {
    assert.deepEqual(
      kept.map(({ socket }) => socket.readyState),
      ['open', 'open'],
    );
    await ask(t, port);
    await pass(clock, STEP_MS, STEP_MS);
  }
  await closed;
});

test('ends idle connections at once if no request has arrived since the drain', async (t) => {
  const { close } = await drainedWithTwoKept(t);
  // No time passes.
  await close();
});

test('closes while clients that get 503 come back at once, and resets no connection of theirs', async (t) => {
  const { port, drain, close } = await startListening(t, {}, { listenerClock: manualClock() });
  await drain();
  const ends = new Set<string>();
  let answered = 0;
  const comeBack = async (): Promise<void> => {
    const socket = connectTo(t, port);
    let answer = '';
    const failed = once(socket, 'error').then(([error]) => (error as NodeJS.ErrnoException).code);
    socket.on('data', (data) => (answer += data.toString()));
    socket.write(READY);
    const end = await Promise.race([once(socket, 'end').then(() => answer.slice(9, 12)), failed]);
    ends.add(String(end));
    if (end !== '503') return;
    answered += 1;
    return comeBack();
  };
  const clients = Array.from({ length: CLIENTS }, comeBack);
  await waitFor(() => answered > 2 * CLIENTS);
  // No time passes.
  await close();
  await Promise.all(clients);
  assert.deepEqual([...ends].toSorted(), ['503', 'ECONNREFUSED']);
});

test('closes after two seconds although connections arrive in every turn of the event loop', async (t) => {
  const clock = manualClock();
  const { port, close } = await startListening(t, {}, { listenerClock: clock });
  const turn = async () => {
    for (let count = 0; count < 3; count += 1) connectTo(t, port);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const closed = close();
  for (let turns = 0; turns < 50; turns += 1) await turn();
  assert.equal(await canConnect(port), true);
  clock.advance(2000);
  for (let turns = 0; turns < 3; turns += 1) await turn();
  assert.equal(await canConnect(port), false);
  await closed;
});
