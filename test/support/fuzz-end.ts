/** What must hold when the engine is available again, and everybody has had time to notice. */
import assert from 'node:assert/strict';
import { eventsIn, sessionOf } from './app.ts';
import type { FuzzNode, FuzzWorld } from './fuzz-world.ts';
import { textOf, type ModelCall } from './model-call.ts';
import type { ModelClient } from './model-client.ts';

/** Rounds of upkeep until the last of what is pending must be over. */
const ROUNDS = 6;
/**
 * Nodes that have not heard of the end of a session may still append to its log. Nobody can read that, and the log
 * forgets it when it has not been used for so long.
 */
const LEFTOVERS_MS = 5 * 60_000;
/** How long an idle session stays in memory, in rounds of upkeep. */
const IDLE_ROUNDS = 14;

/** Lets every call end, and checks that its client is answered; then what each client knows. */
export async function finish(world: FuzzWorld, clients: ModelClient[]): Promise<void> {
  for (const node of world.nodes) world.reconnect(node);
  await world.schedule.settle();
  for (const client of clients) client.notice();
  for (let round = 0; round < ROUNDS; round += 1) await goOn(world, clients);
  checkQuestions(world, clients);
  for (const { speech, call } of world.running.values()) {
    call.result ??= call.id;
    speech.end(call.result);
  }
  for (let round = 0; round < ROUNDS; round += 1) await goOn(world, clients);
  for (const client of clients) {
    if (client.journal.isEnding) continue;
    for (const call of client.calls) assert.ok(call.outcome, `${call.id} is still pending: ${describe(call)}`);
    client.hear();
    client.listening.checkComplete();
    await checkChanges(world, client);
  }
}

function describe({ connection, lastEventId, spoken, events }: ModelCall): string {
  return JSON.stringify({ isConnected: connection !== undefined, lastEventId, spoken, events });
}

/** Clients go on where they are. */
async function goOn(world: FuzzWorld, clients: ModelClient[]): Promise<void> {
  const { random } = world;
  for (const client of clients) {
    client.hear();
    if (client.hasEnded) continue;
    if (client.journal.isEnding) await world.settled('a DELETE', client.delete(random.pick(world.usable)));
    else {
      const node = () => random.pick(world.usable);
      const requests = client.calls.map((call) => client.resume(call, node()));
      requests.push(client.listen(node()));
      for (const call of client.calls) {
        for (const id of call.questions) requests.push(client.answer(call, id, node()));
      }
      await world.settled('a request', ...requests);
    }
    client.hear();
  }
  await world.upkeep();
  for (const client of clients) client.hear();
}

/** Every answer has arrived, unless a node was cut off when it was passed on. */
function checkQuestions(world: FuzzWorld, clients: ModelClient[]): void {
  for (const client of clients) {
    if (client.journal.isEnding || client.journal.isUnheard) continue;
    for (const call of client.calls) {
      const running = world.running.get(call.id);
      if (!running || call.isDoomed || call.outcome || call.result !== undefined) continue;
      for (const message of call.spoken.filter((text) => text.endsWith('?'))) {
        assert.ok(running.answered.has(message), `${message} was answered, and its tool does not know`);
      }
    }
  }
}

/** From now on, the log level and the subscriptions of a client are obeyed by all nodes. */
async function checkChanges(world: FuzzWorld, client: ModelClient): Promise<void> {
  const { listening } = client;
  assert.ok(listening.connection, `${client.name} cannot listen`);
  if (client.level !== null) {
    for (const { notify } of world.usable) {
      const data = client.text();
      notify.log(client.sessionId, { level: 'warning', data });
      await world.schedule.settle();
      client.hear();
      const isWanted: boolean = client.level !== 'error';
      assert.equal(listening.texts.has(data), isWanted, `${data}, with the level ${client.level}`);
    }
  }
  const before = new Map(listening.told);
  const { notify } = world.random.pick(world.usable);
  for (const uri of ['test:a', 'test:b']) notify.resourceUpdated(uri);
  notify.toolsChanged();
  await world.schedule.settle();
  client.hear();
  for (const subject of ['tools_list_changed', 'resource_updated test:a', 'resource_updated test:b']) {
    if (listening.unsure.has(subject)) continue;
    const told = (listening.told.get(subject) ?? 0) - (before.get(subject) ?? 0);
    assert.equal(told, listening.wanted.has(subject) ? 1 : 0, `how often ${client.name} was told of ${subject}`);
  }
}

/** A stream that has ended can be resumed from any event, on any node, with everything that followed. */
export async function checkReplays(world: FuzzWorld, clients: ModelClient[]): Promise<void> {
  for (const client of clients) {
    if (client.journal.isEnding) continue;
    for (const { events, outcome, isLogged } of client.calls) {
      if (events.length === 0 || outcome !== 'answered' || !isLogged) continue;
      const index = world.random.int(0, events.length - 1);
      const node = world.random.pick(world.usable);
      const id = events[index]?.id ?? '';
      const known = await world.shared.eventLog.after(client.sessionId, id);
      const text = await replay(world, node, client.sessionId, id);
      if (!known) continue;
      const expected = events.slice(index + 1).map((event) => event.text);
      assert.deepEqual(eventsIn(text).map(textOf), expected, `what followed ${id}`);
    }
  }
}

async function replay(world: FuzzWorld, { app }: FuzzNode, sessionId: string, id: string): Promise<string> {
  const pending = sessionOf(app, sessionId)
    .get(id)
    .then((response) => response.text());
  const [text = ''] = await world.settled(`resuming ${id}`, pending);
  return text;
}

/** After its end, nothing of a session is left, and after their stop, nothing of the nodes. */
export async function checkEnd(world: FuzzWorld, clients: ModelClient[]): Promise<void> {
  const { shared } = world;
  for (const client of clients) {
    while (!client.hasEnded) await world.settled('a DELETE', client.delete(world.random.pick(world.usable)));
  }
  for (let round = 0; round < IDLE_ROUNDS; round += 1) await world.upkeep();
  world.advance(LEFTOVERS_MS);
  await world.schedule.settle();
  const living = new Set(world.nodes.filter(({ machine }) => machine.state !== 'dead').map(({ machine }) => machine));
  for (const client of clients) {
    client.hear();
    for (const call of client.calls) assert.equal(call.connection, undefined, `the stream of ${call.id} has not ended`);
    assert.equal(client.listening.connection, undefined, `the GET stream of ${client.name} has not ended`);
    for (const id of client.journal.ids) {
      assert.equal(await shared.eventLog.after(client.sessionId, id), undefined, `${id} is still in the log`);
    }
  }
  assert.equal(await shared.store.count(), 0);
  const ofLiving = ({ machine }: { machine: unknown }) => living.has(machine as never);
  assert.equal([...shared.followers].filter(ofLiving).length, 0, 'followers');
  assert.equal([...shared.members].filter(ofLiving).length, 0, 'members');
  for (const { machine, servers } of world.nodes) if (living.has(machine)) assert.equal(servers.open, 0, 'servers');
  for (const { speech, node, call } of world.running.values()) {
    const isOver = call.result !== undefined || speech.context.mcpReq.signal.aborted;
    assert.ok(isOver || !living.has(node.machine), `${call.id} runs on`);
  }
  await world.settled('a stop', ...world.usable.map(({ app }) => app.drain()));
  for (const { machine } of world.nodes) if (living.has(machine)) assert.equal(machine.timers, 0, 'timers');
}
