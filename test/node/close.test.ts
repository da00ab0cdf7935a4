/** What happens to requests that arrive just before the listener closes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { startListening } from '../support/listening.ts';

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
