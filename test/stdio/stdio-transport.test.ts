import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gate, rpc } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { STDIO_ERAS, wireInProcess, type StdioWire } from '../support/stdio-wire.ts';
import { createTestServer } from '../support/test-server.ts';
import { settled } from '../support/time.ts';

const { opening, request } = STDIO_ERAS[2025];
const PING = '"jsonrpc":"2.0","method":"ping"';

/** The only error on stdout. */
function refusalOn(wire: StdioWire): unknown {
  const refusals = wire
    .messages()
    .flatMap(({ id, error }) => (error ? [{ id, code: (error as { code: number }).code }] : []));
  assert.equal(refusals.length, 1);
  return refusals[0];
}

const REFUSED: [what: string, line: string, code: number, id: string | number | null][] = [
  ['broken JSON', '{"jsonrpc":', -32700, null],
  ['params that are null', `{${PING},"id":1,"params":null}`, -32600, 1],
  ['params that are a list', `{${PING},"id":1,"params":[]}`, -32600, 1],
  ['an id of 1.5', `{${PING},"id":1.5}`, -32600, 1.5],
  ['an id over 2^53', `{${PING},"id":9007199254740993}`, -32600, 9007199254740992],
  ['an unknown member', `{${PING},"id":1,"extra":true}`, -32600, 1],
  ['no jsonrpc', '{"method":"ping","id":1}', -32600, 1],
  ['a batch', `[{${PING},"id":1}]`, -32600, null],
  ['a number', '1', -32600, null],
  ['too many levels', `{${PING},"id":1,"params":{"a":${'['.repeat(300)}${']'.repeat(300)}}}`, -32600, 1],
];
for (const [what, line, code, id] of REFUSED) {
  test(`answers ${code} to ${what}, says so on stderr, and reads the next line`, async (t) => {
    const wire = wireInProcess(t, createTestServer);
    for (const message of opening) wire.send(message);
    wire.send(line);
    const ping = rpc('ping');
    wire.send(ping);
    await wire.answer(ping);
    assert.deepEqual(refusalOn(wire), { id, code });
    assert.equal(wire.errors.length, 1);
  });
}

test('answers an error to a line of more than 4 MiB, and reads the next one', async (t) => {
  const wire = wireInProcess(t, createTestServer);
  for (const message of opening) wire.send(message);
  wire.send(`{${PING},"id":1,"params":{"a":"${'x'.repeat(4 * 1024 * 1024)}"}}`);
  const ping = rpc('ping');
  wire.send(ping);
  await wire.answer(ping);
  assert.deepEqual(refusalOn(wire), { id: null, code: -32000 });
  assert.match(wire.errors[0] ?? '', /larger than 4194304 bytes/);
});

test('skips a byte order mark, empty lines, and the return before the end of a line', async (t) => {
  const wire = wireInProcess(t, createTestServer);
  const [initialize] = opening;
  wire.send(`\ufeff${JSON.stringify(initialize)}\r`);
  wire.send('');
  wire.send('\r');
  const ping = rpc('ping');
  wire.send(ping);
  await wire.answer(ping);
  assert.deepEqual(wire.errors, []);
});

test('answers the calls that are running when stdin ends, and then closes', async (t) => {
  const { opened, open } = gate();
  const wire = wireInProcess(t, (context) => createTestServer(context, { pause: () => opened }), manualClock());
  for (const message of opening) wire.send(message);
  const count = request('tools/call', { name: 'count', arguments: { to: 1 } });
  wire.send(count);
  wire.end();
  await settled();
  assert.equal(wire.hasClosed(), false);
  open();
  assert.ok((await wire.answer(count)).result);
  await settled();
  assert.equal(wire.hasClosed(), true);
});

test('closes ten seconds after stdin has ended, even if a call goes on', async (t) => {
  const clock = manualClock();
  const { opened, open } = gate();
  const wire = wireInProcess(t, (context) => createTestServer(context, { pause: () => opened }), clock);
  for (const message of opening) wire.send(message);
  wire.send(request('tools/call', { name: 'count', arguments: { to: 1 } }));
  wire.end();
  await settled();
  clock.advance(9_999);
  assert.equal(wire.hasClosed(), false);
  clock.advance(1);
  assert.equal(wire.hasClosed(), true);
  open();
});

test('reads a last line that does not end', async (t) => {
  const wire = wireInProcess(t, createTestServer);
  const [initialize] = opening;
  wire.sendUnended(JSON.stringify(initialize));
  wire.end();
  assert.ok((await wire.answer(initialize as { id: number })).result);
});
