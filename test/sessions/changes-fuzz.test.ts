/**
 * Random orders of publish, subscribe, break, come back, and leave memory. Whatever the order, after its last stream
 * each client knows of every change that it wants to know of, and has heard of nobody else's.
 *
 * `CHANGES_SEED` repeats one order; `CHANGES_RUNS` tries more of them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { McpServer } from '@modelcontextprotocol/server';
import { createNotifier, type Notifier } from '../../src/tools.ts';
import { eventsIn, openSession, readStream, rpc, type LegacySession, type StreamReader } from '../support/app.ts';
import { createRandom, type Random } from '../support/random.ts';
import { sessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

const { CHANGES_SEED = '1', CHANGES_RUNS = '60' } = process.env;
const STEPS = 40;
const SUBJECTS = ['tools', 'test:a', 'test:b', 'test:c'];

function createServer(): McpServer {
  const capabilities = { tools: { listChanged: true }, resources: { listChanged: false, subscribe: true } };
  return new McpServer({ name: 'changing', version: '1.0.0' }, { capabilities });
}

/** A client as real ones are: it resumes from the last event that it has got, and begins anew when that is refused. */
class Client {
  readonly session: LegacySession;
  /** What it has subscribed to, now and ever. */
  readonly wanted = new Set(['tools']);
  readonly everWanted = new Set(['tools']);
  /** When it was last told of a subject, in steps; for a subject that it has just subscribed to, when that was. */
  readonly told = new Map<string, number>();
  #stream: StreamReader | undefined;
  /** How many events of the stream it has taken note of. */
  #seen = 0;
  #lastEventId: string | undefined;

  constructor(session: LegacySession) {
    this.session = session;
  }

  async connect(): Promise<void> {
    if (this.#stream) return;
    const response = await this.session.get(this.#lastEventId);
    if (response.status === 400) {
      this.#lastEventId = undefined;
      return this.connect();
    }
    assert.equal(response.status, 200);
    this.#seen = 0;
    this.#stream = readStream(response);
    void this.#stream.ended().catch(() => {});
    await settled();
  }

  /** Takes note of what has come. @param events - How many of the new events it gets before its connection breaks. */
  hear(step: number, events = Infinity): void {
    if (!this.#stream) return;
    const all = eventsIn(this.#stream.text);
    // The first event of a first connection has come along with the headers.
    const first = this.#lastEventId === undefined ? 1 : 0;
    const heard = all.slice(this.#seen, this.#seen + Math.max(events, first));
    this.#seen += heard.length;
    for (const { id, message } of heard) {
      this.#lastEventId = id ?? this.#lastEventId;
      if (!message) continue;
      const { uri = 'tools' } = (message['params'] ?? {}) as { uri?: string };
      assert.ok(this.everWanted.has(uri), `heard of ${uri}`);
      this.told.set(uri, step);
    }
  }

  async breakOff(step: number, random: Random): Promise<void> {
    if (!this.#stream) return;
    this.hear(step, random.int(0, 1));
    await this.#stream.cancel();
    this.#stream = undefined;
  }

  async subscribe(uri: string, step: number): Promise<void> {
    const isWanted = this.wanted.has(uri);
    await (await this.session.post(rpc(`resources/${isWanted ? 'unsubscribe' : 'subscribe'}`, { uri }))).text();
    this.wanted[isWanted ? 'delete' : 'add'](uri);
    this.everWanted.add(uri);
    this.told.set(uri, step);
  }
}

async function run(seed: number): Promise<void> {
  const random = createRandom(seed);
  const notify = createNotifier();
  const { app, clock } = sessionApp({}, { MCP_SESSION_IDLE_SECONDS: '100000' }, { createServer, notify });
  const clients: Client[] = [];
  for (let count = 0; count < 3; count += 1) clients.push(new Client(await openSession(app)));
  const changed = new Map<string, number>();
  let step = 0;
  const actions: (() => Promise<void> | void)[] = [
    () => publish(notify, random.pick(SUBJECTS)),
    () => publish(notify, random.pick(SUBJECTS)),
    () => random.pick(clients).connect(),
    () => random.pick(clients).connect(),
    () => random.pick(clients).breakOff(step, random),
    () => random.pick(clients).subscribe(random.pick(SUBJECTS.slice(1)), step),
    () => pass(clock, random.pick([1000, 75_000, 400_000])),
    () => pass(clock, 400_000),
  ];
  function publish(to: Notifier, subject: string): void {
    changed.set(subject, step);
    if (subject === 'tools') to.toolsChanged();
    else to.resourceUpdated(subject);
  }
  for (step = 1; step <= STEPS; step += 1) {
    await random.pick(actions)();
    // Otherwise the next step comes while this one is still on its way.
    if (random.next() < 0.5) continue;
    await settled();
    for (const client of clients) client.hear(step);
  }
  for (const client of clients) {
    await client.connect();
    await settled();
    client.hear(step);
    for (const subject of client.wanted) {
      const missed = (changed.get(subject) ?? 0) > (client.told.get(subject) ?? 0);
      assert.ok(!missed, `seed ${seed}: ${subject} has changed, and the client was not told`);
    }
  }
  await app.drain();
}

test(`every change is heard of, and nobody else's, in any order (seed ${CHANGES_SEED})`, async () => {
  for (let index = 0; index < Number(CHANGES_RUNS); index += 1) await run(Number(CHANGES_SEED) + index);
});
