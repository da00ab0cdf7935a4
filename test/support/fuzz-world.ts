/** Nodes that share an engine and lose it, stop, die and are paused, as a seed says. */
import type { McpServer } from '@modelcontextprotocol/server';
import { createMemoryChangeLog } from '../../src/memory/memory-change-log.ts';
import { createMemoryEventLog } from '../../src/memory/memory-event-log.ts';
import { createMemorySessionStore } from '../../src/memory/memory-session-store.ts';
import { createMemoryStateStore } from '../../src/memory/memory-state-store.ts';
import { createNotifier, type Notifier } from '../../src/tools.ts';
import { testApp, type TestApp } from './app.ts';
import { manualClock, type ManualClock } from './clock.ts';
import { createFaultyEngines, type SharedEngines } from './faulty-engines.ts';
import { fixture, type Fixture } from './fixture.ts';
import { Journal } from './journal.ts';
import type { ModelCall } from './model-call.ts';
import { createRandom, type Random } from './random.ts';
import { createMachine, createMachineClock, HEARTBEAT_MS, Schedule, type Machine } from './schedule.ts';
import { createSpeaker, type Speech } from './speaker.ts';

/** Between two rounds of upkeep. */
export const UPKEEP_MS = 15_000;
const SESSION_IDLE_MS = 3_600_000;
const ENV = {
  MCP_LIVE_IDLE_SECONDS: '60',
  MCP_KEEP_ALIVE_SECONDS: '0',
  MCP_CALL_TIMEOUT_SECONDS: '0',
  // A line about a request names its session by a hash, for which the answer waits. It is made on another thread, so the
  // schedule would not know when.
  LOG_LEVEL: 'silent',
};

/** A node. */
export interface FuzzNode {
  app: TestApp;
  machine: Machine;
  notify: Notifier;
  servers: Fixture;
  /** Whether it takes no more requests. */
  isStopping: boolean;
  /** Resolves to `undefined` when it dies. */
  died: Promise<undefined>;
  die: () => void;
}

/** What a tool says, and where it runs. */
export interface Running {
  speech: Speech;
  server: McpServer;
  node: FuzzNode;
  call: ModelCall;
  /** The questions that were answered. */
  answered: Set<string>;
}

/** The nodes, and what they share. */
export class FuzzWorld {
  readonly random: Random;
  readonly clock: ManualClock = manualClock();
  readonly journal = new Journal();
  readonly schedule: Schedule;
  readonly shared: SharedEngines;
  readonly nodes: FuzzNode[] = [];
  /** The calls that a client has made, by their ids, and those that run. */
  readonly calls = new Map<string, ModelCall>();
  readonly running = new Map<string, Running>();
  readonly #streamAfterMs: number;
  #failure: unknown;
  readonly #built = new Map<Machine, McpServer[]>();
  /** How much time has passed, in milliseconds. */
  passed = 0;

  constructor(seed: number) {
    this.random = createRandom(seed);
    this.schedule = new Schedule(this.random);
    this.#streamAfterMs = this.random.pick([0, 100]);
    const { clock, random, schedule, journal } = this;
    this.shared = {
      store: createMemorySessionStore({ idleMs: SESSION_IDLE_MS, clock }),
      eventLog: createMemoryEventLog({ clock }),
      stateStore: createMemoryStateStore({ clock }),
      changes: createMemoryChangeLog(),
      clock,
      schedule,
      random,
      journal,
      machines: new Map(),
      followers: new Set(),
      members: new Set(),
      buses: new Set(),
    };
  }

  /** Notes whether what a client does fails. */
  watch(doing: unknown): void {
    Promise.resolve(doing).catch((error: unknown) => (this.#failure ??= error));
  }

  /** Throws if something has failed. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Those that take requests. */
  get usable(): FuzzNode[] {
    return this.nodes.filter(({ machine, isStopping }) => machine.state !== 'dead' && !isStopping);
  }

  start(): FuzzNode {
    const { clock, schedule, shared } = this;
    const machine = createMachine(`node-${this.nodes.length}`);
    shared.machines.set(machine.name, machine);
    const built: McpServer[] = [];
    this.#built.set(machine, built);
    const speaker = createSpeaker();
    const notify = createNotifier();
    let die = () => {};
    const died = new Promise<undefined>((resolve) => (die = () => resolve(undefined)));
    const servers = fixture(
      {
        speak: ({ args, context, server }) => {
          const speaking = speaker.tools.speak({ args, context, server });
          void speaker.next().then((speech) => this.#begin(String(args['token']), { speech, server, node }));
          return speaking;
        },
      },
      (server) => void built.push(server),
    );
    const app = testApp(ENV, {
      ...createFaultyEngines(shared, machine),
      clock: createMachineClock(clock, schedule, machine),
      createServer: servers.createServer,
      streamAfterMs: this.#streamAfterMs,
      notify,
    });
    const node: FuzzNode = { app, machine, notify, servers, isStopping: false, died, die };
    this.nodes.push(node);
    return node;
  }

  #begin(id: string, { speech, server, node }: Omit<Running, 'call' | 'answered'>): void {
    const call = this.calls.get(id);
    if (!call) throw new Error(`${id} was not called`);
    call.machine = node.machine;
    // It was on its way to a node that is stopping, or that others take for dead.
    call.isDoomed ||= node.isStopping || this.#isTakenForDead(node.machine);
    this.running.set(id, { speech, server, node, call, answered: new Set() });
  }

  kill(node: FuzzNode): void {
    const { machine } = node;
    machine.state = 'dead';
    machine.silentSince ??= this.clock.now() - this.random.int(0, HEARTBEAT_MS);
    this.schedule.cutOff(machine);
    this.#doom(machine);
    node.die();
  }

  pause({ machine }: FuzzNode): void {
    if (machine.state !== 'running') return;
    machine.state = 'paused';
    machine.silentSince ??= this.clock.now();
    this.schedule.cutOff(machine);
  }

  goOn({ machine }: FuzzNode): void {
    if (machine.state === 'paused') machine.state = 'running';
    const sendsHeartbeats = machine.state === 'running' && machine.isConnected && machine.silentSince !== -Infinity;
    if (sendsHeartbeats) machine.silentSince = undefined;
  }

  disconnect({ machine }: FuzzNode): void {
    machine.isConnected = false;
    machine.silentSince ??= this.clock.now();
  }

  reconnect(node: FuzzNode): void {
    node.machine.isConnected = true;
    this.goOn(node);
  }

  /** SIGTERM. */
  stop(node: FuzzNode): void {
    node.isStopping = true;
    this.#doom(node.machine);
    void node.app.drain().then(() => (node.machine.silentSince = -Infinity));
  }

  /** Lets time pass: whoever sends no heartbeat may be taken for dead. */
  advance(milliseconds: number): void {
    this.passed += milliseconds;
    this.clock.advance(milliseconds);
    for (const machine of this.shared.machines.values()) if (this.#isTakenForDead(machine)) this.#doom(machine);
  }

  /** What requests come to when everybody has done what there is to do; they must not wait for anything else. */
  async settled<T>(what: string, ...requests: Promise<T>[]): Promise<T[]> {
    await this.schedule.settle();
    const late = new Promise<never>((_, reject) => {
      setImmediate(() => reject(new Error(`${what} does not end`)));
    });
    return Promise.race([Promise.all(requests), late]);
  }

  /** One round of upkeep, and everything that follows from it. */
  async upkeep(): Promise<void> {
    this.advance(UPKEEP_MS);
    await this.schedule.settle();
  }

  /** Ends what the dead, or a failure, have left behind: the questions of a server have timers that keep the process alive. */
  bury(): void {
    for (const servers of this.#built.values()) for (const server of servers) void server.close();
  }

  #isTakenForDead({ silentSince }: Machine): boolean {
    return silentSince !== undefined && this.clock.now() - silentSince >= HEARTBEAT_MS;
  }

  #doom(machine: Machine): void {
    for (const call of this.calls.values()) if (call.machine === machine) call.isDoomed = true;
  }
}
