/** What happens to a request that arrives just before the listener closes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { startListening } from '../support/listening.ts';

/** Connects, sends a request, wakes the thread that has started it, and then posts what it was answered. */
const CLIENT = `
const { connect } = require('node:net');
const { parentPort, workerData: { port, sent } } = require('node:worker_threads');
let answer = '';
const socket = connect(port, '127.0.0.1', () => socket.write('GET /livez HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n', () => {
  Atomics.store(sent, 0, 1);
  Atomics.notify(sent, 0);
}));
socket.on('data', (data) => (answer += data)).on('error', ({ code }) => (answer += code)).on('close', () => parentPort.postMessage(answer));
`;

test('answers a request that has arrived but was not read yet when the listener closes', async (t) => {
  const { port, close } = await startListening(t);
  const sent = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(CLIENT, { eval: true, workerData: { port, sent } });
  const answered = once(worker, 'message');
  // This thread does nothing meanwhile, so that the request waits in the system.
  Atomics.wait(sent, 0, 0);
  await close();
  const [answer] = (await answered) as [string];
  assert.match(answer, /^HTTP\/1\.1 200 /);
  await worker.terminate();
});
