/** What a client carries over stdio from a question to the answer. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { modernRequest, type RpcAnswer } from '../support/app.ts';
import { ANSWERS, ASKABLE, askingServers } from '../support/asking.ts';
import { connect } from '../support/clients.ts';
import { startEntry } from '../support/process.ts';
import { STDIO_ERAS, wireInProcess, wireTo, type StdioWire } from '../support/stdio-wire.ts';
import { stdioPipe } from '../support/stdio-pipe.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, index) => index);

/** A process, as far as its keys are concerned. */
function start(t: TestContext, stateKeys: readonly Uint8Array[] = []): StdioWire {
  const wire = wireInProcess(t, askingServers().createServer, undefined, undefined, { stateKeys });
  for (const message of STDIO_ERAS[2026].opening) wire.send(message);
  return wire;
}

async function call(wire: StdioWire, params: Record<string, unknown>): Promise<RpcAnswer> {
  const { body } = modernRequest('tools/call', { name: 'ask', arguments: {}, ...params }, { capabilities: ASKABLE });
  wire.send(body);
  return wire.answer(body);
}

const begin = async (wire: StdioWire) => (await call(wire, {})).result?.['requestState'];
const finish = (wire: StdioWire, requestState: unknown, other: Record<string, unknown> = {}) =>
  call(wire, { inputResponses: ANSWERS, requestState, ...other });

test('a call goes on after a restart with the same MCP_STATE_KEY', async (t) => {
  const state = await begin(start(t, [KEY]));
  const { result } = await finish(start(t, [KEY]), state);
  assert.equal(result?.content?.[0]?.text, '{"asked":1}');
});

test('answers -32602 to a call that was begun before a restart without MCP_STATE_KEY, and says so once on stderr', async (t) => {
  const state = await begin(start(t));
  const restarted = start(t);
  for (let time = 0; time < 2; time += 1) assert.equal((await finish(restarted, state)).error?.code, -32602);
  assert.equal(restarted.errors.length, 1, restarted.errors.join('\n'));
  assert.match(restarted.errors[0] ?? '', /^a requestState was refused .* Set MCP_STATE_KEY/);
});

test('answers -32602 to the state of another tool, or of other arguments', async (t) => {
  const wire = start(t);
  const state = await begin(wire);
  assert.equal((await finish(wire, state, { name: 'ask-too' })).error?.code, -32602);
  assert.equal((await finish(wire, state, { arguments: { path: '/' } })).error?.code, -32602);
  assert.equal((await finish(wire, state)).result?.content?.[0]?.text, '{"asked":1}');
});

for (const kind of ['v1', 'v2 legacy', 'v2 auto'] as const) {
  test(`a ${kind} client is asked, and its call goes on with what was remembered`, async (t) => {
    const elicit = () => ({ action: 'accept' as const, content: { ok: true } });
    const client = await connect(t, kind, stdioPipe(t, askingServers().createServer), { elicit });
    assert.equal((await client.call('ask')).content[0]?.text, '{"asked":1}');
  });
}

test('an entry takes MCP_STATE_KEY from its environment', async (t) => {
  const env = { MCP_STATE_KEY: Buffer.from(KEY).toString('base64') };
  const [before, afterwards] = [1, 2].map(() => wireTo(startEntry(t, 'test/fixtures/asking-server.ts', { env })));
  assert.ok(before && afterwards);
  const { result } = await finish(afterwards, await begin(before));
  assert.equal(result?.content?.[0]?.text, '{"asked":1}');
});

test('an entry ends with code 1 and one line without the value if MCP_STATE_KEY is wrong', async (t) => {
  const server = startEntry(t, 'src/stdio-server.ts', { env: { MCP_STATE_KEY: 'guessable' } });
  assert.deepEqual(await server.exit(), { code: 1, signal: null });
  assert.match(server.stderr, /^MCP_STATE_KEY is not valid: it must be a key of 32 bytes.*\n$/);
  assert.ok(!server.stderr.includes('guessable'));
});
