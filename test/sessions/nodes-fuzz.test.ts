/**
 * Random schedules: nodes that share an engine, which answers late, fails, and loses what it has to say meanwhile; which
 * die, stop, and are paused. Whatever the order, each client gets every event once, in order, and nobody else's.
 *
 * `NODES_SEED` repeats one schedule; `NODES_RUNS` tries more of them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSession } from '../support/app.ts';
import { checkEnd, checkReplays, finish } from '../support/fuzz-end.ts';
import { FuzzWorld, UPKEEP_MS, type FuzzNode, type Running } from '../support/fuzz-world.ts';
import { ModelClient } from '../support/model-client.ts';

const { NODES_SEED = '1', NODES_RUNS = '30' } = process.env;
const STEPS = 80;
const URIS = ['test:a', 'test:b'];
/** The log keeps what nobody uses for five minutes. */
const MAX_PASSED_MS = 200_000;
const requestedSchema = { type: 'object' as const, properties: {} };

async function setUp(seed: number): Promise<{ world: FuzzWorld; clients: ModelClient[] }> {
  const world = new FuzzWorld(seed);
  for (let count = world.random.int(2, 3); count > 0; count -= 1) world.start();
  const clients: ModelClient[] = [];
  for (let index = 0; index < 2; index += 1) {
    const { app } = world.random.pick(world.nodes);
    const opening = openSession(app, {}, { elicitation: { form: {} } });
    await world.schedule.settle();
    clients.push(new ModelClient(`c${index}`, (await opening).id, world));
  }
  return { world, clients };
}

/** What can happen; the more often it is in the list, the likelier it is. */
function actionsOf(world: FuzzWorld, clients: ModelClient[]): (() => unknown)[] {
  const { random } = world;
  const node = () => random.pick(world.usable);
  const client = () => random.pick(clients.filter(({ hasEnded }) => !hasEnded).concat(clients.slice(0, 1)));
  const connectionsOf = () => {
    const lost = random.pick(['get', 'call', 'all']);
    const one = client();
    return one.breakOff(
      (connection) => lost === 'all' || (connection === one.listening.connection) === (lost === 'get'),
    );
  };
  const talking: (() => unknown)[] = [
    () => client().call(node()),
    () => withSpeech(world, (running) => say(world, running)),
    () => withSpeech(world, (running) => say(world, running)),
    () => withSpeech(world, (running) => tell(world, running)),
    () => withSpeech(world, ask),
    () => withSpeech(world, end),
    () => clients.forEach((one) => one.hear()),
  ];
  const listening: (() => unknown)[] = [
    () => client().listen(node()),
    () => client().listen(node()),
    () => resumeSome(client(), node),
    () => resumeSome(client(), node),
    () => answerSome(client(), node),
    connectionsOf,
    () => client().notice(),
  ];
  const changing: (() => unknown)[] = [
    () => node().notify.toolsChanged(),
    () => node().notify.resourceUpdated(random.pick(URIS)),
    () => client().subscribe(random.pick(URIS), node()),
    () => client().setLevel(random.pick(['info', 'error']), node()),
    () => logOn(node(), client()),
    () => random.next() < 0.1 && client().delete(node()),
  ];
  const failing: (() => unknown)[] = [
    () => world.disconnect(node()),
    () => world.nodes.forEach((one) => world.disconnect(one)),
    () => world.nodes.forEach((one) => world.reconnect(one)),
    () => world.nodes.forEach((one) => world.reconnect(one)),
    () => world.pause(node()),
    () => world.nodes.forEach((one) => world.goOn(one)),
    () => leave(world, clients, node()),
    () => pass(world, random.pick([1000, UPKEEP_MS, UPKEEP_MS, 20_000, 70_000])),
    () => pass(world, UPKEEP_MS),
  ];
  return [...talking, ...talking, ...listening, ...listening, ...changing, ...failing];
}

function withSpeech(world: FuzzWorld, use: (running: Running) => unknown): void {
  const running = [...world.running.values()].filter(
    ({ node, call }) => node.machine.state === 'running' && call.result === undefined,
  );
  if (running.length > 0) use(world.random.pick(running));
}

let lastText = 0;

/** Says something on the stream of a call, whatever the log level is. */
function say(world: FuzzWorld, { speech, call }: Running): void {
  for (let count = world.random.int(1, 3); count > 0; count -= 1) {
    const text = `${call.id}.${(lastText += 1)}`;
    call.spoken.push(text);
    void speech.context.mcpReq.log('emergency', text).catch(() => {});
  }
}

/** Says something on the GET stream. */
function tell(world: FuzzWorld, { server, call }: Running): void {
  for (let count = world.random.int(1, 3); count > 0; count -= 1) {
    const data = `${call.id}.${(lastText += 1)}`;
    void server.sendLoggingMessage({ level: 'emergency', data }).catch(() => {});
  }
}

function ask({ speech, server, call, answered }: Running): void {
  lastText += 1;
  const message = `${call.id}.${lastText}?`;
  call.spoken.push(message);
  const options = { relatedRequestId: speech.context.mcpReq.id };
  void server.server.elicitInput({ message, requestedSchema }, options).then(
    () => answered.add(message),
    () => {},
  );
}

function end({ speech, call }: Running): void {
  call.result ??= call.id;
  speech.end(call.result);
}

function resumeSome(client: ModelClient, node: () => FuzzNode): void {
  if (!client.hasEnded) for (const call of client.calls) client.world.watch(client.resume(call, node()));
}

function answerSome(client: ModelClient, node: () => FuzzNode): void {
  for (const call of client.calls) for (const id of call.questions) client.world.watch(client.answer(call, id, node()));
}

function logOn({ notify }: FuzzNode, client: ModelClient): void {
  notify.log(client.sessionId, { level: 'emergency', data: client.text() });
}

/** A node dies or stops, and another one may take its place. */
function leave(world: FuzzWorld, clients: ModelClient[], node: FuzzNode): void {
  if (world.random.next() < 0.6) return;
  if (world.usable.length < 3) world.start();
  if (world.random.next() < 0.5 || node.machine.state === 'paused') {
    for (const client of clients) client.breakOff(({ machine }) => machine === node.machine);
    world.kill(node);
  } else world.stop(node);
}

function pass(world: FuzzWorld, milliseconds: number): void {
  if (world.passed + milliseconds < MAX_PASSED_MS) world.advance(milliseconds);
}

async function run(seed: number): Promise<void> {
  const { world, clients } = await setUp(seed);
  const actions = actionsOf(world, clients);
  try {
    for (let step = 1; step <= STEPS; step += 1) {
      world.watch(world.random.pick(actions)());
      for (let turns = world.random.pick([0, 0, 1, 2, 4, 8, 30]); turns > 0; turns -= 1) await world.schedule.step();
      world.check();
    }
    await finish(world, clients);
    await checkReplays(world, clients);
    await checkEnd(world, clients);
  } finally {
    world.bury();
  }
}

test(`each client gets every event once, in order, and nobody else's, in any order (seed ${NODES_SEED})`, async () => {
  for (let index = 0; index < Number(NODES_RUNS); index += 1) {
    const seed = Number(NODES_SEED) + index;
    await run(seed).catch((error: unknown) => {
      throw new Error(`NODES_SEED=${seed} NODES_RUNS=1: ${String(error)}`, { cause: error });
    });
  }
  assert.ok(Number(NODES_RUNS) > 0);
});
