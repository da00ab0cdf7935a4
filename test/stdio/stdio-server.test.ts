import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gate, initializeRequest } from '../support/app.ts';
import { startEntry } from '../support/process.ts';
import { STDIO_ERAS, wireInProcess, wireTo } from '../support/stdio-wire.ts';
import { createTestServer } from '../support/test-server.ts';
import { settled } from '../support/time.ts';

const ENTRY = 'src/stdio-server.ts';

for (const [era, { opening, request }] of Object.entries(STDIO_ERAS)) {
  test(`speaks nothing but JSON-RPC of ${era} on stdout and ends with code 0 when stdin ends`, async (t) => {
    const server = startEntry(t, ENTRY);
    const wire = wireTo(server);
    for (const message of opening) wire.send(message);
    wire.send('this is no JSON');
    wire.send({ neither: 'request nor response' });
    const requests = [request('tools/list'), request('no/such/method')];
    for (const message of requests) wire.send(message);
    const [list, unknown] = await Promise.all(requests.map((message) => wire.answer(message)));
    assert.ok(list?.result && 'tools' in list.result);
    assert.equal(unknown?.error?.code, -32601);

    server.endStdin();
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    const messages = wire.messages();
    assert.ok(messages.every(({ jsonrpc }) => jsonrpc === '2.0'));
    // One answer to each request, and an error to each line that is not a message.
    assert.equal(messages.length, requests.length + 3);
    assert.deepEqual(
      messages.flatMap(({ id, error }) => (id === null ? [(error as { code: number }).code] : [])),
      [-32700, -32600],
    );
    assert.equal(wire.errors.length, 2);
  });
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`ends with code 0 on ${signal} while stdin is open`, async (t) => {
    const server = startEntry(t, ENTRY);
    const wire = wireTo(server);
    const opening = initializeRequest();
    wire.send(opening);
    await wire.answer(opening);

    server.signal(signal);
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
  });
}

for (const [era, { opening, request }] of Object.entries(STDIO_ERAS)) {
  test(`stops a call that a client of ${era} cancels, without an answer to it, and goes on`, async (t) => {
    const { opened, open } = gate();
    const wire = wireInProcess(t, (context) => createTestServer(context, { pause: () => opened }));
    for (const message of opening) wire.send(message);
    const params = { name: 'count', arguments: { to: 2 }, _meta: { progressToken: 'token' } };
    const count = request('tools/call', params);
    wire.send(count);
    await wire.match(/"progress":1,/);
    const before = wire.messages().length;

    wire.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: count.id } });
    await settled();
    open();
    await settled();
    const call = request('tools/call', { name: 'echo', arguments: { text: 'Hello World' } });
    wire.send(call);
    const answer = await wire.answer(call);
    assert.deepEqual(answer.result?.structuredContent, { echo: 'Hello World' });
    assert.deepEqual(wire.messages().slice(before), [answer]);
  });
}
