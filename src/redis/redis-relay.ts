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
export async function createRedisRelay(options: RedisRelayOptions): Promise<RedisRelay> {
  const relay = new NodeRelay(options);
  await relay.start();
  return relay;
}

class NodeRelay implements RedisRelay {
  readonly node = crypto.randomUUID().replaceAll('-', '');
  readonly hasPeers = true;
  readonly #options: RedisRelayOptions;
  readonly #seen = new Map<string, { at: number; isAlive: boolean }>();
  readonly #oneByOne = createTaskQueue();
  /** Until then, other nodes count as running: Redis had lost the signs of life of all, and they may not have renewed theirs. */
  #trustsUntil = 0;
  #stop: (() => void) | undefined;
  /** How many messages wait to be sent again. */
  #waiting = 0;

  constructor(options: RedisRelayOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#renew();
    // Its own sign of life was missing because it is new, not because Redis had lost it.
    this.#trustsUntil = 0;
    this.#stop = this.#options.clock.every(RENEW_MS, () => void this.#renew().catch(() => {}));
  }

  async isAlive(other: string): Promise<boolean> {
    if (other === this.node) return true;
    const known = this.#seen.get(other);
    const age = known ? this.#options.clock.now() - known.at : Infinity;
    return known && age >= 0 && age < CACHE_MS ? known.isAlive : this.#ask(other);
  }

  join(sessionId: string, listener: (message: RelayMessage) => void): Promise<() => void> {
    const { channels, connection } = this.#options;
    return channels.follow(channelOf(sessionId, connection.db), {
      onmessage: (text) => {
        if (!text.startsWith(RELAYED) || text.startsWith(this.node, RELAYED.length)) return;
        // Whatever else may be published here must not end the process.
        const message = parseJson(text.slice(RELAYED.length + this.node.length)) as RelayMessage | undefined;
        if (message) listener(message);
      },
    });
  }

  async send(sessionId: string, message: RelayMessage): Promise<void> {
    const text = RELAYED + this.node + JSON.stringify(message);
    const count = await this.#publish(sessionId, text);
    // The client need not repeat what was accepted.
    if (message.kind === 'message' && count <= 1) this.#sendAgain(sessionId, text, AGAIN_MS);
  }

  async close(): Promise<void> {
    this.#stop?.();
    await this.#options.connection.call('UNLINK', nodeKey(this.node)).catch(() => {});
  }

  async #renew(): Promise<void> {
    const { connection, clock } = this.#options;
    const wasMissing = await connection.run(RENEW_NODE, [nodeKey(this.node)], [ALIVE_MS]);
    if (wasMissing === 1) this.#trustsUntil = clock.now() + ALIVE_MS;
  }

  async #ask(other: string): Promise<boolean> {
    const { connection, clock } = this.#options;
    let isAlive = (await connection.call('EXISTS', nodeKey(other))) === 1;
    if (!isAlive) {
      // Is it only that one? Redis may have been unavailable for longer than the keys last, or have lost them.
      await this.#renew();
      isAlive = clock.now() < this.#trustsUntil;
    }
    if (this.#seen.size >= MAX_CACHED) this.#seen.clear();
    this.#seen.set(other, { at: clock.now(), isAlive });
    return isAlive;
  }

  /** Resolves to how many have heard it; this node is one of them if it has joined. */
  async #publish(sessionId: string, text: string): Promise<number> {
    const { connection } = this.#options;
    const send = () => connection.call(connection.publish, channelOf(sessionId, connection.db), text);
    return Number(await (text.length > LARGE_CHARS ? this.#oneByOne(send) : send()));
  }

  /** Sends a message again that nobody has heard but perhaps this node. */
  #sendAgain(sessionId: string, text: string, [delay, ...later]: readonly number[]): void {
    if (delay === undefined || this.#waiting >= MAX_AGAIN || text.length > LARGE_CHARS) return;
    this.#waiting += 1;
    this.#options.clock.after(delay, () => {
      this.#waiting -= 1;
      this.#publish(sessionId, text).then(
        (count) => (count > 1 ? undefined : this.#sendAgain(sessionId, text, later)),
        () => this.#sendAgain(sessionId, text, later),
      );
    });
  }
}
