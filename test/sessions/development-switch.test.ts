/** `MCP_MAX_LIVE_SESSIONS=0`, the switch that shows during development what production may do: servers go after every request. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerOf, gate, openSession, readStream, rpc, type LegacySession, type StreamReader } from '../support/app.ts';
import { fixture, type Fixture, type Tool } from '../support/fixture.ts';
import { sessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

const SWITCH = { MCP_MAX_LIVE_SESSIONS: '0' };
const QUESTION = { message: 'Sure?', requestedSchema: { type: 'object' as const, properties: {} } };

const TOOLS: Record<string, Tool> = {
  one: () => 1,
  log: ({ context: { mcpReq } }) => mcpReq.log('info', 'in between'),
  ask: ({ server, context }) => server.server.elicitInput(QUESTION, { relatedRequestId: context.mcpReq.id }),
};

/** Waits until every server is dropped, which is on the next turn. */
async function allDropped(servers: Fixture): Promise<void> {
  while (servers.open > 0) await settled();
}

/** Opens the GET stream, and reads its first event. */
async function listen(session: LegacySession, lastEventId?: string): Promise<StreamReader> {
  const response = await session.get(lastEventId);
  assert.equal(response.status, 200);
  return readStream(response);
}

test('each request without a stream is answered by a server of its own', async () => {
  const { app, servers } = sessionApp(TOOLS, SWITCH);
  const session = await openSession(app);
  await allDropped(servers);
  const { created } = servers;
  for (let call = 0; call < 3; call += 1) {
    assert.equal((await session.call('one', {})).result?.content?.[0]?.text, '1');
    await allDropped(servers);
  }
  assert.equal(servers.created - created, 3);
});

test('a GET stream alone stays, for any time', async () => {
  const { app, clock, servers } = sessionApp(TOOLS, SWITCH);
  const session = await openSession(app);
  await allDropped(servers);
  const { created } = servers;
  const stream = await listen(session);
  await pass(clock, 120_000);
  assert.deepEqual([servers.created - created, servers.open], [1, 1]);
  await stream.cancel();
  await allDropped(servers);
});

for (const tool of ['one', 'log']) {
  test(`a GET stream ends once a POST is answered (${tool}), and its client resumes it`, async () => {
    const { app, servers } = sessionApp(TOOLS, SWITCH);
    const session = await openSession(app);
    await allDropped(servers);
    const stream = await listen(session);
    const { id } = await stream.next();
    const { created } = servers;
    assert.notEqual((await session.call(tool, {})).result, undefined);
    await stream.ended();
    await allDropped(servers);
    const resumed = await listen(session, id);
    await settled();
    assert.deepEqual([servers.created - created, servers.open], [1, 1]);
    await resumed.cancel();
  });
}

test('a notification ends the GET stream too', async () => {
  const { app, servers } = sessionApp(TOOLS, SWITCH);
  const session = await openSession(app);
  await allDropped(servers);
  const stream = await listen(session);
  assert.equal((await session.post({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })).status, 202);
  await stream.ended();
});

test('nothing is dropped while another call is running, also if its client has gone', async () => {
  const waiting = gate();
  const { app, servers } = sessionApp({ ...TOOLS, wait: () => waiting.opened }, SWITCH);
  const session = await openSession(app);
  await allDropped(servers);
  const stream = await listen(session);
  const { created } = servers;
  const call = readStream(await session.post(rpc('tools/call', { name: 'wait', arguments: {} })));
  await session.call('one', {});
  await call.cancel();
  await session.call('one', {});
  await settled();
  assert.deepEqual([servers.created - created, servers.open], [0, 1]);
  waiting.open();
  await stream.ended();
  await allDropped(servers);
});

test('nothing is dropped when another call has come before the turn is over', async () => {
  const waiting = gate();
  const { app, servers } = sessionApp({ ...TOOLS, wait: () => waiting.opened.then(() => 2) }, SWITCH);
  const session = await openSession(app);
  await session.call('one', {});
  const call = session.call('wait', {});
  await settled();
  await settled();
  assert.equal(servers.open, 1);
  waiting.open();
  assert.equal((await call).result?.content?.[0]?.text, '2');
  await allDropped(servers);
});

test('nothing is dropped while a call waits for the answer of its client', async () => {
  const { app, servers } = sessionApp(TOOLS, SWITCH);
  const session = await openSession(app, {}, { elicitation: { form: {} } });
  await allDropped(servers);
  const stream = await listen(session);
  const call = await session.post(rpc('tools/call', { name: 'ask', arguments: {} }));
  const asking = readStream(call);
  let question = await asking.next();
  while (question.message?.['method'] !== 'elicitation/create') question = await asking.next();
  await session.call('one', {});
  const answer = { jsonrpc: '2.0', id: question.message['id'], result: { action: 'accept', content: {} } };
  assert.equal((await session.post(answer)).status, 202);
  const { message } = await asking.next();
  assert.match(JSON.stringify(message), /accept/);
  await stream.ended();
  await allDropped(servers);
});

test('nothing is dropped while a question of oninitialized has no answer', async () => {
  const roots: number[] = [];
  const { createServer } = fixture(TOOLS, ({ server }) => {
    server.oninitialized = () =>
      void server.listRoots().then(
        (answer) => roots.push(answer.roots.length),
        () => {},
      );
  });
  const { app } = sessionApp({}, SWITCH, { createServer });
  const session = await openSession(app, {}, { roots: {} });
  const stream = await listen(session);
  let question = await stream.next();
  while (question.message?.['method'] !== 'roots/list') question = await stream.next();
  await session.post({ jsonrpc: '2.0', id: question.message['id'], result: { roots: [] } });
  await stream.ended();
  assert.deepEqual(roots, [0]);
});

test('a server is dropped once it has given up its question', async () => {
  const patience = new AbortController();
  const { createServer } = fixture(TOOLS, ({ server }) => {
    server.oninitialized = () => void server.listRoots({}, { signal: patience.signal }).catch(() => {});
  });
  const { app } = sessionApp({}, SWITCH, { createServer });
  const session = await openSession(app, {}, { roots: {} });
  const stream = await listen(session);
  let question = await stream.next();
  while (question.message?.['method'] !== 'roots/list') question = await stream.next();
  patience.abort();
  await session.call('one', {});
  await stream.ended();
});

test('a call that its client reads slowly is read to its end', async () => {
  const { app, servers } = sessionApp(TOOLS, SWITCH);
  const session = await openSession(app);
  await allDropped(servers);
  const response = await session.post(rpc('tools/call', { name: 'log', arguments: {} }));
  await allDropped(servers);
  assert.match((await answerOf(response)).result?.content?.[0]?.text ?? '', /null/);
});
