/** `resources/subscribe` in sessions of the 2025 revisions, which the host answers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { McpServer } from '@modelcontextprotocol/server';
import { answerOf, rpc } from '../support/app.ts';
import { createChangingServer, listen, setUp, subscribe, toldIn } from '../support/changing.ts';
import { settled } from '../support/time.ts';

describe('subscriptions', () => {
  test('are answered -32601 by a server that has not announced them', async () => {
    const plain = () => new McpServer({ name: 'plain', version: '1.0.0' }, { capabilities: { resources: {} } });
    const { session } = await setUp({ createServer: plain });
    const { error } = await answerOf(await session.post(rpc('resources/subscribe', { uri: 'test:mine' })));
    assert.equal(error?.code, -32601);
  });

  test("are refused by the author's own handler, if there is one", async () => {
    const { notify, session } = await setUp({
      createServer: () => {
        const server = createChangingServer();
        server.server.setRequestHandler('resources/subscribe', ({ params }) => {
          if (params.uri !== 'test:known') throw new Error('No such resource');
          return {};
        });
        return server;
      },
    });
    const refused = await answerOf(await session.post(rpc('resources/subscribe', { uri: 'test:unknown' })));
    assert.match(refused.error?.message ?? '', /No such resource/);
    await subscribe(session, 'test:known');
    const stream = await listen(session);
    notify.resourceUpdated('test:unknown');
    notify.resourceUpdated('test:known');
    await settled();
    assert.deepEqual(toldIn(stream), ['test:known']);
    await stream.cancel();
  });

  test('are refused without a URI', async () => {
    const { session } = await setUp();
    const { error } = await answerOf(await session.post(rpc('resources/subscribe', {})));
    assert.match(error?.message ?? '', /expected string/);
  });
});
