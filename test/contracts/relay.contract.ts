/** The contract of `Relay`. Each engine that connects nodes runs this suite in its own test file. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Relay, RelayMessage } from '../../src/contracts/relay.ts';
import { waitFor } from '../support/time.ts';

/** Makes relays of nodes that share an engine; `t.after` is the place to clean up. */
export type MakeRelays = (count: number, t: TestContext) => Promise<Relay[]>;

const message = (text: string): RelayMessage => ({
  kind: 'message',
  message: { jsonrpc: '2.0', method: 'notifications/message', params: { data: text } },
});

/** Tests the contract on the relays that `makeRelays` returns. */
export function relayContract(name: string, makeRelays: MakeRelays): void {
  async function setUp(t: TestContext) {
    const [a, b, c] = await makeRelays(3, t);
    assert.ok(a && b && c);
    return { a, b, c };
  }

  describe(`relay contract: ${name}`, () => {
    test('passes a message to the other nodes that have joined a session, as it is and in order', async (t) => {
      const { a, b, c } = await setUp(t);
      const heard = { a: await heardBy(a, 's'), b: await heardBy(b, 's'), c: await heardBy(c, 'other') };
      const sent = [message('ü \u2028 🐈'), { kind: 'changed' } as const, message('2'), { kind: 'ended' } as const];
      for (const one of sent) await a.send('s', one);
      await a.send('other', message('x'));
      await waitFor(() => heard.b.length === sent.length && heard.c.length === 1);
      assert.deepEqual(heard, { a: [], b: sent, c: [message('x')] });
    });

    test('passes nothing on to a node that has left, and goes on for the others', async (t) => {
      const { a, b, c } = await setUp(t);
      const left: RelayMessage[] = [];
      const leave = await b.join('s', (one) => void left.push(one));
      const again = await heardBy(b, 's');
      const heard = await heardBy(c, 's');
      leave();
      await a.send('s', message('1'));
      await waitFor(() => heard.length === 1 && again.length === 1);
      assert.deepEqual(left, []);
    });

    test('knows which nodes are running', async (t) => {
      const { a, b } = await setUp(t);
      assert.notEqual(a.node, b.node);
      assert.deepEqual([await a.isAlive(a.node), await a.isAlive(b.node)], [true, true]);
      assert.equal(await a.isAlive('0'.repeat(32)), false);
    });
  });
}

async function heardBy(relay: Relay, sessionId: string): Promise<RelayMessage[]> {
  const heard: RelayMessage[] = [];
  await relay.join(sessionId, (one) => void heard.push(one));
  return heard;
}
