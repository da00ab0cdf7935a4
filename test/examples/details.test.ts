/** What single examples show beyond their use by one client. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import * as elicitation from '../../examples/elicitation.ts';
import * as longJob from '../../examples/long-job.ts';
import * as manyTools from '../../examples/many-tools.ts';
import * as quote from '../../examples/quote.ts';
import * as resources from '../../examples/resources.ts';
import * as state from '../../examples/state.ts';
import { standaloneContext, type CreateServer } from '../../src/tools.ts';
import { gate, openSession, type RpcAnswer } from '../support/app.ts';
import { connect, connectHttp } from '../support/clients.ts';
import { startListening } from '../support/listening.ts';
import { sessionApp } from '../support/session-app.ts';
import { stdioPipe } from '../support/stdio-pipe.ts';
import { STDIO_ERAS, wireInProcess } from '../support/stdio-wire.ts';

const scratch = mkdtempSync(join(tmpdir(), 'examples-'));
after(() => rmSync(scratch, { recursive: true }));
// Where the example of state keeps drafts.
process.env['TMPDIR'] = scratch;

const textIn = ({ result }: RpcAnswer) => result?.content?.[0]?.text;

for (const kind of ['v1', 'v2 auto'] as const) {
  test(`elicitation.ts: a ${kind} client that cannot be asked is told so`, async (t) => {
    const client = await connect(t, kind, stdioPipe(t, elicitation.createMcpServer));
    const call = client.call('book-table', { restaurant: 'Luigi' });
    if (kind === 'v1') assert.match((await call).content[0]?.text ?? '', /did not declare the required capability/);
    else await assert.rejects(call, /capability/i);
  });
}

test('elicitation.ts: books nothing for a form that was filled in wrongly', async (t) => {
  const elicit = () => ({ action: 'accept' as const, content: { guests: 200, time: '20:00' } });
  const client = await connect(t, 'v2 auto', stdioPipe(t, elicitation.createMcpServer), { elicit });
  const { content } = await client.call('book-table', { restaurant: 'Luigi' });
  assert.deepEqual(content, [{ type: 'text', text: 'No table was booked.' }]);
});

for (const [era, { opening, request }] of Object.entries(STDIO_ERAS)) {
  test(`long-job.ts: stops when a client of ${era} cancels`, async (t) => {
    const wire = wireInProcess(t, longJob.createMcpServer);
    for (const message of opening) wire.send(message);
    const job = (below: number, progressToken: string) =>
      request('tools/call', { name: 'count-primes', arguments: { below }, _meta: { progressToken } });
    const [cancelled, next] = [job(5_000_000, 'cancelled'), job(300_000, 'next')];
    wire.send(cancelled);
    await wire.match(/"progressToken":"cancelled"/);
    wire.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: cancelled.id } });
    wire.send(next);
    await wire.answer(next);
    const reports = (token: string) =>
      wire
        .messages()
        .filter(({ params }) => (params as { progressToken?: string } | undefined)?.progressToken === token);
    assert.equal(reports('next').length, 30);
    assert.ok(reports('cancelled').length < 10, `${reports('cancelled').length} steps`);
  });
}

test('many-tools.ts: builds one tool for a call, none for a wrong name, and all to list them', () => {
  const has = (tool: string, calledTool?: string) =>
    manyTools.createMcpServer({ ...standaloneContext(), calledTool }).toolInputSchemaJson(tool) !== undefined;
  assert.deepEqual(
    [has('mile-to-kilometer', 'mile-to-kilometer'), has('mile-to-inch', 'mile-to-kilometer')],
    [true, false],
  );
  assert.equal(has('mile-to-mile', 'mile-to-mile'), false);
  assert.deepEqual([has('mile-to-kilometer'), has('mile-to-inch')], [true, true]);
});

describe('quote.ts', () => {
  const MCP_STATE_KEY = '0a'.repeat(32);

  /** A client each of whose requests reaches the next of two nodes, and what its user was asked. */
  async function throughTwoNodes(t: TestContext, kind: 'v2 auto' | 'v2 pinned', keys: readonly string[]) {
    const asked: string[] = [];
    /** Which nodes were called. */
    const called = new Set<number>();
    const urls: string[] = [];
    for (const [index, key] of keys.entries()) {
      const createServer: CreateServer = (context) => {
        if (context.calledTool !== undefined) called.add(index);
        return quote.createMcpServer(context);
      };
      urls.push((await startListening(t, { MCP_STATE_KEY: key }, { createServer })).url);
    }
    let requests = 0;
    const client = await connectHttp(t, kind, urls[0] ?? '', {
      elicit: (message) => {
        asked.push(message);
        return { action: 'accept', content: { agreed: true } };
      },
      fetch: (_url, init) => fetch(urls[(requests += 1) % urls.length] ?? '', init),
    });
    return { client, asked, called };
  }

  for (const kind of ['v2 auto', 'v2 pinned'] as const) {
    test(`a ${kind} client pays on one node what its user was asked on another`, async (t) => {
      const { client, asked, called } = await throughTwoNodes(t, kind, [MCP_STATE_KEY, MCP_STATE_KEY]);
      const { content } = await client.call('buy-dollars', { dollars: 100 });
      assert.equal(called.size, 2);
      assert.equal(asked.length, 1);
      assert.equal(content[0]?.text, asked[0]?.replace('Buy', 'Bought').replace('?', '.'));
    });

    test(`a ${kind} client gets -32602 from a node that does not share the key`, async (t) => {
      const { client, called } = await throughTwoNodes(t, kind, [MCP_STATE_KEY, '0b'.repeat(32)]);
      await assert.rejects(client.call('buy-dollars', { dollars: 100 }), { code: -32602 });
      assert.equal(called.size, 2);
    });
  }
});

test('resources.ts: takes 200 pages, and no more', async (t) => {
  const client = await connect(t, 'v2 auto', stdioPipe(t, resources.createMcpServer));
  for (let page = 1; page < 200; page += 1) await client.call('write-page', { name: `page-${page}`, text: '' });
  const { isError, content } = await client.call('write-page', { name: 'page-200', text: '' });
  assert.deepEqual([isError, content[0]?.text], [true, 'The wiki is full']);
  assert.equal((await client.call('write-page', { name: 'page-1', text: 'Changed' })).isError, undefined);
});

describe('state.ts', () => {
  const { createMcpServer: createServer, ...parts } = state;

  test('gives each session a basket of its own', async () => {
    const { app } = sessionApp({}, {}, { ...parts, createServer });
    const [one, another] = [await openSession(app), await openSession(app)];
    await one.call('add-to-basket', { item: 'tea' });
    assert.equal(textIn(await another.call('add-to-basket', { item: 'milk' })), 'In your basket: milk');
    assert.equal(textIn(await one.call('add-to-basket', { item: 'milk' })), 'In your basket: tea, milk');
  });

  test('knows a caller in every session and every revision, and no other caller', async (t) => {
    const secret = (letter: string) => letter.repeat(32);
    const env = { MCP_AUTH_TOKENS: `ada:${secret('a')}, bob:${secret('b')}` };
    const { url } = await startListening(t, env, { ...parts, createServer });
    const connectAs = (kind: 'v1' | 'v2 legacy' | 'v2 auto', letter: string) =>
      connectHttp(t, kind, url, {
        fetch: (input, init) => {
          const headers = new Headers(init?.headers);
          headers.set('authorization', `Bearer ${secret(letter)}`);
          return fetch(input, { ...init, headers });
        },
      });
    await (await connectAs('v1', 'a')).call('set-name', { name: 'Ada' });
    for (const kind of ['v1', 'v2 legacy', 'v2 auto'] as const) {
      const greetings = ['a', 'b'].map(async (letter) => (await (await connectAs(kind, letter)).call('greet')).content);
      assert.deepEqual(
        (await Promise.all(greetings)).map(([content]) => content?.text),
        ['Hello Ada', 'Hello stranger'],
      );
    }
  });

  test('deletes the draft of a session that has ended, and of no other', async (t) => {
    const deleted = gate();
    const onSessionEnd = async (sessionId: string) => {
      await state.onSessionEnd(sessionId);
      deleted.open();
    };
    const { app } = sessionApp({}, {}, { createServer, onSessionEnd });
    const [ended, other] = [await openSession(app), await openSession(app)];
    /** What is on disk for a session, whether it still exists or not. */
    const draftOf = async (sessionId: string) => {
      const pipe = stdioPipe(t, (context) => createServer({ ...context, sessionId }));
      return (await (await connect(t, 'v1', pipe)).call('read-draft')).content[0]?.text;
    };
    for (const session of [ended, other]) await session.call('save-draft', { text: 'Dear all' });
    assert.equal(await draftOf(ended.id), 'Dear all');

    await ended.delete();
    await deleted.opened;
    assert.equal(await draftOf(ended.id), 'There is no draft.');
    assert.equal(await draftOf(other.id), 'Dear all');
  });
});
