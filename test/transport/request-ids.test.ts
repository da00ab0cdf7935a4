import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRequestIds } from '../../src/transport/request-ids.ts';
import { openSession, readStream, rpc, sessionOf, type LegacySession } from '../support/app.ts';
import { sessionApp } from '../support/session-app.ts';

const result = { action: 'accept' };

test('marks requests of two servers differently, and a cancellation as the request it names', () => {
  const [one, other] = [createRequestIds(), createRequestIds()];
  const asked = [one, other].map(({ mark }) => mark(rpc('elicitation/create', {}, 0)));
  const ids = asked.map((message) => ('id' in message ? message.id : undefined));
  assert.notEqual(ids[0], ids[1]);
  const cancelled = {
    jsonrpc: '2.0' as const,
    method: 'notifications/cancelled',
    params: { requestId: 0, reason: 'x' },
  };
  assert.deepEqual(one.mark(cancelled), { ...cancelled, params: { requestId: ids[0], reason: 'x' } });
});

test('gives a server the ids that it knows in the answers to its own requests, and those of others none that it knows', () => {
  const [one, other] = [createRequestIds(), createRequestIds()];
  const [own, foreign] = [one, other].map(({ mark }) => mark(rpc('ping', {}, 7)));
  assert.ok(own && foreign && 'id' in own && 'id' in foreign && own.id !== undefined && foreign.id !== undefined);
  const jsonrpc = '2.0' as const;
  assert.deepEqual(one.unmark({ jsonrpc, id: own.id, result }), { jsonrpc, id: 7, result });
  const error = { code: 1, message: 'no' };
  assert.deepEqual(one.unmark({ jsonrpc, id: own.id, error }), { jsonrpc, id: 7, error });
  const prefix = String(own.id).slice(0, -1);
  for (const id of [
    foreign.id,
    prefix,
    `${prefix}0x7`,
    `${prefix}07`,
    `${prefix} 7`,
    `${prefix}7.0`,
    `${prefix}1e0`,
    '',
    7,
  ]) {
    const unmarked = one.unmark({ jsonrpc, id, result });
    assert.ok('id' in unmarked && Number.isNaN(Number(unmarked.id)), String(id));
  }
});

test('leaves everything else as it is', () => {
  const { mark, unmark } = createRequestIds();
  const id = 'mine';
  const answers = [
    { jsonrpc: '2.0' as const, id, result: {} },
    { jsonrpc: '2.0' as const, id, error: { code: 1, message: 'no' } },
  ];
  const progress = {
    jsonrpc: '2.0' as const,
    method: 'notifications/progress',
    params: { progressToken: 0, progress: 1 },
  };
  for (const message of [...answers, progress]) assert.deepEqual(mark(message), message);
  for (const message of [rpc('ping'), rpc('notifications/cancelled')]) assert.deepEqual(unmark(message), message);
});

test('marks the progress token of a request, and knows what a client reports on it as its own', () => {
  const [one, other] = [createRequestIds(), createRequestIds()];
  const marked = one.mark(
    rpc('elicitation/create', { message: '?', _meta: { progressToken: 0, 'example.com/x': 1 } }, 0),
  );
  assert.ok('id' in marked && 'params' in marked);
  const meta = marked.params?.['_meta'] as Record<string, unknown>;
  assert.deepEqual(meta, { progressToken: marked.id, 'example.com/x': 1 });
  const params = { progressToken: meta['progressToken'], progress: 1 };
  const report = { jsonrpc: '2.0' as const, method: 'notifications/progress', params };
  assert.deepEqual([one.isOwn(report), other.isOwn(report)], [true, false]);
  assert.deepEqual(one.unmark(report), { ...report, params: { progressToken: 0, progress: 1 } });
  assert.deepEqual(other.unmark(report), {
    ...report,
    params: { progressToken: `unknown:${String(params.progressToken)}`, progress: 1 },
  });
});

test('does not take an answer from before a restart for that to another question', async () => {
  const requestedSchema = { type: 'object' as const, properties: {} };
  const { app, another, clock } = sessionApp(
    {
      ask: ({ server, context: { mcpReq } }) =>
        server.server.elicitInput({ message: 'Sure?', requestedSchema }, { relatedRequestId: mcpReq.id }),
    },
    { MCP_DRAIN_SECONDS: '1' },
  );
  const askIn = async (session: LegacySession) => {
    const stream = readStream(await session.post(rpc('tools/call', { name: 'ask', arguments: {} })));
    await stream.next();
    return { id: (await stream.next()).message?.['id'], stream };
  };
  const before = await openSession(app, {}, { elicitation: { form: {} } });
  const early = await askIn(before);
  const stopped = app.drain();
  clock.advance(1000);
  assert.equal(await stopped, 1);

  const session = sessionOf(another(), before.id);
  const late = await askIn(session);
  await session.post({ jsonrpc: '2.0', id: early.id, result });
  await session.post({ jsonrpc: '2.0', id: late.id, result: { action: 'decline' } });
  assert.match(JSON.stringify((await late.stream.next()).message), /decline/);
});
