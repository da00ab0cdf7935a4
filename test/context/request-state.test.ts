/** What clients of 2026-07-28 carry from a question to the answer, and who may bring it back. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRequestStateCodec } from '@modelcontextprotocol/server';
import { createRequestStates, type RequestState } from '../../src/context/request-state.ts';
import { answerOf, modernRequest, openSession, rpc, type RpcAnswer, type TestApp } from '../support/app.ts';
import { ANSWERS, ASKABLE, askingServers, type AskingServers } from '../support/asking.ts';
import { bearer, sessionApp } from '../support/session-app.ts';
import { messagesAt } from '../support/log-lines.ts';

const [KEY, OTHER_KEY] = ['0a'.repeat(32), '0b'.repeat(32)];
const ALICE = bearer('alice.1');
const ARGUMENTS = { path: '/etc', depth: { from: 1, to: 2 } };

/** A node of its own, with no memory of what others did. */
interface Node extends TestApp {
  servers: AskingServers;
}

function node(env: Record<string, string> = {}): Node {
  const servers = askingServers();
  return { ...sessionApp({}, env, { createServer: servers.createServer }).app, servers };
}

/** What is asked for: a tool, a caller, … */
interface Call {
  method?: string;
  name?: string;
  args?: Record<string, unknown>;
  headers?: Record<string, string>;
}

async function send(
  app: TestApp,
  { method = 'tools/call', name = 'ask', args = ARGUMENTS, headers = ALICE }: Call,
  retry: Record<string, unknown> = {},
): Promise<RpcAnswer> {
  const params = { name, arguments: args, ...retry };
  return answerOf(await app.request('POST', modernRequest(method, params, { headers, capabilities: ASKABLE })));
}

/** Makes a call that asks, and resolves to what the client has to carry. */
async function begin(app: TestApp, call: Call = {}): Promise<string> {
  const { result } = await send(app, call);
  assert.equal(result?.['resultType'], 'input_required');
  return String(result['requestState']);
}

/** Repeats it with the answers. */
const finish = (app: TestApp, requestState: unknown, call: Call = {}) =>
  send(app, call, { inputResponses: ANSWERS, requestState });

/** Asserts that the call goes on where the node that asked has left it. */
async function goesOn(app: TestApp, requestState: string, call: Call = {}): Promise<void> {
  const { result } = await finish(app, requestState, call);
  assert.equal(result?.content?.[0]?.text, '{"asked":1}');
}

/** Asserts that the call is refused, and that no tool hears of it. */
async function isRefused(app: Node, requestState: unknown, call: Call = {}): Promise<void> {
  const before = app.servers.calls;
  const { error } = await finish(app, requestState, call);
  assert.deepEqual(error, {
    code: -32602,
    message: 'Invalid or expired requestState',
    data: { reason: 'invalid_request_state' },
  });
  assert.equal(app.servers.calls, before);
}

const nodes = (count: number, env: Record<string, string> = {}) => Array.from({ length: count }, () => node(env));

for (const MCP_SHORTCUTS of ['on', 'off']) {
  describe(`with MCP_SHORTCUTS=${MCP_SHORTCUTS}`, () => {
    const shared = { MCP_SHORTCUTS, MCP_STATE_KEY: KEY };

    test('a call that one node has begun is finished by another with the same MCP_STATE_KEY', async () => {
      const [one, another] = [node(shared), node(shared)];
      await goesOn(another, await begin(one));
      assert.deepEqual([one.servers.calls, another.servers.calls], [1, 1]);
    });

    test('answers -32602 to a call that was begun on a node with another key, or with none', async () => {
      for (const begun of [{ MCP_STATE_KEY: OTHER_KEY }, {}]) {
        await isRefused(node(shared), await begin(node({ MCP_SHORTCUTS, ...begun })));
      }
    });

    test('answers -32602 to a state that was changed or forged, is incomplete, or is not a text', async () => {
      const app = node(shared);
      const state = await begin(app);
      const [version = '', body = '', signature = ''] = state.split('.');
      const forged = Buffer.from(body, 'base64url').toString().replace('"asked":1', '"asked":9');
      assert.match(forged, /"asked":9/);
      const changed = Buffer.from(forged).toString('base64url');
      const own = createRequestStateCodec({ key: new Uint8Array(32) });
      const wrong = [
        `${version}.${changed}.${signature}`,
        `${version}.${body}.`,
        `${version}.${body}`,
        state.slice(0, -2),
        forged,
        await own.mint({ asked: 9 }),
        '',
        { asked: 9 },
        null,
      ];
      for (const each of wrong) await isRefused(app, each);
      await goesOn(app, state);
    });

    test('answers -32602 to the state of another caller', async () => {
      const app = node(shared);
      const state = await begin(app);
      await isRefused(app, state, { headers: bearer('bob.1') });
      await isRefused(app, state, { headers: {} });
      await goesOn(app, state, { headers: bearer('alice.2') });
    });

    test('answers -32602 to the state of another tool or prompt, or of other arguments', async () => {
      const app = node(shared);
      const state = await begin(app);
      await isRefused(app, state, { name: 'ask-too' });
      await isRefused(app, state, { method: 'prompts/get' });
      await isRefused(app, state, { args: { ...ARGUMENTS, path: '/' } });
      await isRefused(app, state, { args: {} });
      await goesOn(app, state);
    });
  });
}

test('a prompt asks like a tool', async () => {
  const [one, another] = nodes(2, { MCP_STATE_KEY: KEY }) as [Node, Node];
  const prompt = { method: 'prompts/get', args: { path: '/etc' } };
  const { result } = await finish(another, await begin(one, prompt), prompt);
  assert.match(JSON.stringify(result?.['messages']), /asked/);
});

test('the arguments may come back with their keys in another order', async () => {
  const app = node();
  await goesOn(app, await begin(app), { args: { depth: { to: 2, from: 1 }, path: '/etc' } });
});

test('a state may be used again until it expires', async () => {
  const app = node();
  const state = await begin(app);
  await goesOn(app, state);
  await goesOn(app, state);
});

test('answers -32602 to a state after ten minutes', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 });
  const app = node();
  const state = await begin(app);
  t.mock.timers.setTime(1_800_000_600_000);
  await goesOn(app, state);
  t.mock.timers.setTime(1_800_000_601_000);
  await isRefused(app, state);
});

test('the state of an unauthenticated caller is good for any other, but for none with a token', async () => {
  const app = node();
  const state = await begin(app, { headers: {} });
  await goesOn(app, state, { headers: { 'x-forwarded-for': '192.0.2.1' } });
  await isRefused(app, state);
});

/** What MCP_STATE_KEY is while a key is replaced on one node after the other. */
const ROTATION = [KEY, `${KEY},${OTHER_KEY}`, `${OTHER_KEY},${KEY}`, OTHER_KEY];

test('the first key of MCP_STATE_KEY signs, and all verify', async () => {
  const [old, , both, renewed] = ROTATION.map((key) => node({ MCP_STATE_KEY: key })) as [Node, Node, Node, Node];
  const state = await begin(both);
  await goesOn(renewed, state);
  await isRefused(old, state);
  const oldState = await begin(old);
  await isRefused(renewed, oldState);
  await isRefused(both, oldState, { headers: bearer('bob.1') });
});

for (const [step, key] of ROTATION.slice(1).entries()) {
  test(`no call is lost in step ${step + 1} of a rotation, while some nodes have not taken it yet`, async () => {
    const [before, afterwards] = [{ MCP_STATE_KEY: ROTATION[step] ?? '' }, { MCP_STATE_KEY: key }];
    await goesOn(node(afterwards), await begin(node(before)));
    await goesOn(node(before), await begin(node(afterwards)));
  });
}

test('warns once of states that another process has signed, and says what to set', async () => {
  const [app, other] = nodes(2) as [Node, Node];
  const state = await begin(other);
  await isRefused(app, state, { headers: bearer('bob.1') });
  await isRefused(app, state);
  const warnings = messagesAt('warn', app.lines);
  assert.equal(warnings.length, 1, warnings.join('\n'));
  assert.match(warnings[0] ?? '', /requestState was refused .* Set MCP_STATE_KEY to the same value on all nodes/);
  assert.ok(!app.lines.join().includes(state.slice(-20)));
});

test('warns of a key that is not in MCP_STATE_KEY, and of nothing that its keys have signed', async () => {
  const app = node({ MCP_STATE_KEY: KEY });
  await isRefused(app, await begin(app), { headers: bearer('bob.1') });
  await isRefused(app, 'not a state');
  assert.deepEqual(app.lines, []);
  await isRefused(app, await begin(node()));
  assert.match(app.lines.join('\n'), /signed with a key that is not in MCP_STATE_KEY/);
});

test('a session of the 2025 revisions refuses what was signed for a request of 2026-07-28', async () => {
  const app = node();
  const state = await begin(app);
  const session = await openSession(app, ALICE, ASKABLE);
  const params = { name: 'ask', arguments: ARGUMENTS, inputResponses: ANSWERS, requestState: state };
  const { error } = await answerOf(await session.post(rpc('tools/call', params)));
  assert.deepEqual([error?.code, error?.message], [-32602, 'Invalid or expired requestState']);
});

describe('mint', () => {
  const context = { mcpReq: { id: 1, method: 'tools/call' } } as Parameters<RequestState['mint']>[1];

  test('rejects a value that is not JSON', async () => {
    const requestState = createRequestStates()({});
    for (const value of [undefined, () => 1]) {
      await assert.rejects(requestState.mint(value, context), /^TypeError: A state must be JSON, not \w+$/);
    }
  });

  test('rejects a request that is over, since its state would be good for another', async () => {
    const requestState = createRequestStates()({}, () => undefined);
    await assert.rejects(requestState.mint({}, context), /The request is over/);
  });
});
