/** Passes messages between nodes over the channels of sessions. Those that are sent while a node has no connection are lost. */
import type { Relay, RelayMessage } from '../contracts/relay.ts';
import type { Clock } from '../lib/clock.ts';
import { createTaskQueue } from '../lib/task-queue.ts';
import { parseJson } from '../protocol/json.ts';
import { RENEW_NODE } from '../lua/node-scripts.ts';
import type { Channels } from './channels.ts';
import type { Connection } from './connection.ts';
import { channelOf, nodeKey } from '../lua/keys.ts';

/** How long a node counts as running after its last sign of life. Two may be late. */
const ALIVE_MS = 14_000;
const RENEW_MS = 5000;
/** How long it is not asked again whether a node is running. Together with `ALIVE_MS`, the 15 seconds of the contract. */
const CACHE_MS = 1000;
/** Most nodes whose answer is kept: far more than share a Redis. */
const MAX_CACHED = 1000;

/** Larger messages wait for each other: whatever else this node asks of Redis waits behind them. */
const LARGE_CHARS = 64 * 1024;
/** When a message that nobody has heard is sent again, in milliseconds: the node it is for may be about to subscribe again. */
const AGAIN_MS = [500, 1500];
/** Most messages that wait for that. */
const MAX_AGAIN = 1000;

/** How a message on the channel of a session begins that is one of these. */
const RELAYED = 'r';

/** Options for {@link createRedisRelay}. */
export interface RedisRelayOptions {
  connection: Connection;
  channels: Channels;
  clock: Pick<Clock, 'now' | 'every' | 'after'>;
}

/** A relay that gives signs of life. */
export interface RedisRelay extends Relay {
  /** Says that this node is not running any more. Never rejects. */
  close(): Promise<void>;
}

/** Makes the relay of a new node. Rejects if Redis does not take its sign of life. */
export async function createRedisRelay({ connection, channels, clock }: RedisRelayOptions): Promise<RedisRelay> {
  const node = crypto.randomUUID().replaceAll('-', '');
  const seen = new Map<string, { at: number; isAlive: boolean }>();
  /** Until then, other nodes count as running: Redis had lost the signs of life of all, and they may not have renewed theirs. */
  let trustsUntil = 0;
  const renew = () => connection.run(RENEW_NODE, [nodeKey(node)], [ALIVE_MS]);
  const renewAgain = async () => {
    if ((await renew()) === 1) trustsUntil = clock.now() + ALIVE_MS;
  };
  await renew();
  const stop = clock.every(RENEW_MS, () => void renewAgain().catch(() => {}));

  async function ask(other: string): Promise<boolean> {
    let isAlive = (await connection.call('EXISTS', nodeKey(other))) === 1;
    if (!isAlive) {
      // Is it only that one? Redis may have been away for longer than the keys last, or have lost them.
      await renewAgain();
      isAlive = clock.now() < trustsUntil;
    }
    if (seen.size >= MAX_CACHED) seen.clear();
    seen.set(other, { at: clock.now(), isAlive });
    return isAlive;
  }

  const oneByOne = createTaskQueue();
  let waiting = 0;

  /** Resolves to how many have heard it; this node is one of them if it has joined. */
  function publish(sessionId: string, text: string): Promise<number> {
    const send = () => connection.call(connection.publish, channelOf(sessionId, connection.db), text);
    return (text.length > LARGE_CHARS ? oneByOne(send) : send()).then(Number);
  }

  /** Sends a message again that nobody has heard but perhaps this node. */
  function sendAgain(sessionId: string, text: string, [delay, ...later]: readonly number[]): void {
    if (delay === undefined || waiting >= MAX_AGAIN || text.length > LARGE_CHARS) return;
    waiting += 1;
    clock.after(delay, () => {
      waiting -= 1;
      publish(sessionId, text).then(
        (count) => (count > 1 ? undefined : sendAgain(sessionId, text, later)),
        () => sendAgain(sessionId, text, later),
      );
    });
  }

  return {
    node,
    hasPeers: true,
    async isAlive(other) {
      if (other === node) return true;
      const known = seen.get(other);
      const age = known ? clock.now() - known.at : Infinity;
      return known && age >= 0 && age < CACHE_MS ? known.isAlive : ask(other);
    },
    join: (sessionId, listener) =>
      channels.follow(channelOf(sessionId, connection.db), {
        onmessage(text) {
          if (!text.startsWith(RELAYED) || text.startsWith(node, RELAYED.length)) return;
          // Whatever else may be published here must not end the process.
          const message = parseJson(text.slice(RELAYED.length + node.length)) as RelayMessage | undefined;
          if (message) listener(message);
        },
      }),
    async send(sessionId, message) {
      const text = RELAYED + node + JSON.stringify(message);
      const count = await publish(sessionId, text);
      // The client need not repeat what was accepted.
      if (message.kind === 'message' && count <= 1) sendAgain(sessionId, text, AGAIN_MS);
    },
    async close() {
      stop();
      await connection.call('UNLINK', nodeKey(node)).catch(() => {});
    },
  };
}
