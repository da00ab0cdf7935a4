/**
 * Engines in memory as one of several nodes sees them: what it calls takes effect and answers some time later, and, while
 * it does not reach the engine, fails, with or without an effect.
 */
import type { ServerEvent } from '@modelcontextprotocol/server';
import type { ChangeLog } from '../../src/contracts/change-log.ts';
import type { Engines } from '../../src/contracts/engines.ts';
import type { EventLog } from '../../src/contracts/event-log.ts';
import type { Relay, RelayMessage } from '../../src/contracts/relay.ts';
import type { SessionStore } from '../../src/contracts/session-store.ts';
import type { StateStore } from '../../src/contracts/state-store.ts';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import type { ManualClock } from './clock.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';
import { HEARTBEAT_MS, type Machine, type Schedule } from './schedule.ts';

/** What all nodes have in common. */
export interface SharedEngines {
  store: SessionStore;
  eventLog: EventLog;
  stateStore: StateStore;
  changes: ChangeLog;
  clock: ManualClock;
  schedule: Schedule;
  random: Random;
  journal: Journal;
  machines: Map<string, Machine>;
  /** Who listens to the streams of a session, and to what other nodes say of it. */
  followers: Set<{ machine: Machine }>;
  members: Set<Member>;
  /** Who listens to changes. */
  buses: Set<{ machine: Machine; hear: (event: ServerEvent, number: number) => void }>;
}

interface Member {
  machine: Machine;
  sessionId: string;
  listener: (message: RelayMessage) => void;
}

type Call = <T>(channel: string | undefined, effect: () => Promise<T>, onfailed?: (result?: T) => void) => Promise<T>;

/** Makes the engines of a node, and its name. */
export function createFaultyEngines(shared: SharedEngines, machine: Machine): Engines {
  const call = createCall(shared, machine);
  return {
    sessionStore: faultyStore(shared, machine, call),
    eventLog: faultyLog(shared, machine, call),
    stateStore: faultyState(shared.stateStore, call),
    changes: faultyChanges(shared, machine, call),
    relay: faultyRelay(shared, machine, call),
  };
}

/** @returns A function that calls an engine. It tells `onfailed` of a call that is rejected, with its result if it took effect. */
function createCall({ schedule, random }: SharedEngines, machine: Machine): Call {
  return (channel, effect, onfailed) =>
    new Promise((resolve, reject) => {
      const answer = (run: () => void) => schedule.add({ machine, run });
      const fail = (result?: Awaited<ReturnType<typeof effect>>) => {
        onfailed?.(result);
        answer(() => reject(new UnavailableError('The engine is unavailable')));
      };
      const run = async () => {
        const luck = machine.isConnected ? 0 : random.next();
        // It times out, and takes effect nevertheless: at once, or later.
        if (luck > 0.85) {
          schedule.addNext({ machine, channel, isCommand: true, run: () => effect().then(onfailed) });
          return answer(() => reject(new UnavailableError('The engine does not answer')));
        }
        if (luck > 0.65) return fail(await effect());
        if (luck > 0.1) return fail();
        const result = await effect();
        answer(() => resolve(result));
      };
      schedule.add({ machine, channel, isCommand: true, run });
    });
}

function faultyStore({ store }: SharedEngines, { name }: Machine, call: Call): SessionStore {
  const inOrder = (id: string) => `${name} record ${id}`;
  return {
    create: (record) => call(inOrder(record.id), () => store.create(record)),
    get: (id) => call(inOrder(id), () => store.get(id)),
    use: (id, principal) => call(inOrder(id), () => store.use(id, principal)),
    touch: (id) => call(inOrder(id), () => store.touch(id)),
    update: (id, changes) => call(inOrder(id), () => store.update(id, changes)),
    delete: (id) => call(inOrder(id), () => store.delete(id)),
    takeExpired: (limit) => call(undefined, () => store.takeExpired(limit)),
    count: (principal) => call(undefined, () => store.count(principal)),
    leastRecentlyUsed: (limit, principal) => call(undefined, () => store.leastRecentlyUsed(limit, principal)),
  };
}

function faultyLog(shared: SharedEngines, machine: Machine, call: Call): EventLog {
  const { eventLog, journal, schedule, random, followers } = shared;
  const inOrder = (sessionId: string) => `${machine.name} log ${sessionId}`;
  return {
    append(sessionId, streamId, data, how) {
      const effect = async () => {
        const id = await eventLog.append(sessionId, streamId, data, how);
        journal.appended(sessionId, streamId, id, data);
        return id;
      };
      const failed = (id?: string) => journal.failed(machine, sessionId, id);
      return call<string | undefined>(inOrder(sessionId), effect, failed).catch((error: unknown) => {
        failed();
        throw error;
      });
    },
    end: (sessionId, streamId) => call(inOrder(sessionId), async () => eventLog.end(sessionId, streamId)),
    after: (sessionId, eventId) => call(inOrder(sessionId), () => eventLog.after(sessionId, eventId)),
    hold: (sessionId, ...rest) => call(inOrder(sessionId), () => eventLog.hold(sessionId, ...rest)),
    take: (sessionId, ...rest) => call(inOrder(sessionId), async () => eventLog.take(sessionId, ...rest)),
    touch: (sessionId) => call(inOrder(sessionId), () => eventLog.touch(sessionId)),
    async delete(sessionId) {
      journal.forgetting(machine, sessionId);
      const effect = async () => {
        journal.forgotten(sessionId);
        await eventLog.delete(sessionId);
      };
      try {
        await call(inOrder(sessionId), effect);
        journal.mended(machine, sessionId);
      } catch (error) {
        // Nor was the event appended that was to follow.
        journal.failed(machine, sessionId, undefined);
        throw error;
      }
    },
    prune: () => call(undefined, () => eventLog.prune()),
    async follow(sessionId, listener) {
      const follower = { machine };
      const hear = (streamId: string) => {
        // Whoever loses its connection hears nothing of what happens meanwhile.
        const run = () => {
          if (machine.isConnected && followers.has(follower)) listener(streamId);
        };
        if (!machine.isConnected) return;
        schedule.add({ machine, run });
        if (random.next() < 0.1) schedule.add({ machine, run });
      };
      let unfollow: (() => void) | undefined;
      const leave = () => {
        followers.delete(follower);
        unfollow?.();
      };
      const effect = async () => {
        followers.add(follower);
        unfollow = await eventLog.follow(sessionId, hear);
      };
      await call(inOrder(sessionId), effect, leave);
      return leave;
    },
  };
}

function faultyState(stateStore: StateStore, call: Call): StateStore {
  return {
    bounds: stateStore.bounds,
    get: (scope, key) => call(undefined, () => stateStore.get(scope, key)),
    write: (scope, key, write) => call(undefined, () => stateStore.write(scope, key, write)),
    delete: (scope, key) => call(undefined, () => stateStore.delete(scope, key)),
    keys: (scope) => call(undefined, () => stateStore.keys(scope)),
    clear: (scope) => call(undefined, () => stateStore.clear(scope)),
  };
}

/** Changes are late, but none is lost: a node that was cut off makes up for what it missed, in order. */
function faultyChanges(shared: SharedEngines, machine: Machine, call: Call): ChangeLog {
  const { changes, schedule, buses, journal } = shared;
  const listeners = new Set<(event: ServerEvent) => void>();
  let last = changes.last;
  const hear = (event: ServerEvent, number: number) => {
    const run = () => {
      last = number;
      for (const listener of listeners) listener(event);
    };
    schedule.add({ machine, channel: `${machine.name} changes`, needsEngine: true, run });
  };
  buses.add({ machine, hear });
  return {
    get last() {
      return last;
    },
    publish(event) {
      const run = () => {
        changes.publish(event);
        journal.published(event);
        for (const bus of buses) bus.hear(event, changes.last);
      };
      schedule.add({ machine, channel: `${machine.name} publishes`, isCommand: true, needsEngine: true, run });
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    since: (number) => call(undefined, () => changes.since(number)),
  };
}

function faultyRelay(shared: SharedEngines, machine: Machine, call: Call): Relay {
  const { machines, members, clock, schedule, random, journal } = shared;
  const { name } = machine;
  const pass = (member: Member, message: RelayMessage) => {
    const run = () => {
      if (!members.has(member)) return;
      if (member.machine.isConnected) member.listener(structuredClone(message));
      else journal.unheard(member.sessionId);
    };
    const channel = `${name} tells ${member.machine.name} of ${member.sessionId}`;
    if (!member.machine.isConnected) return journal.unheard(member.sessionId);
    schedule.add({ machine: member.machine, channel, run });
    if (random.next() < 0.1) schedule.add({ machine: member.machine, channel, run });
  };
  return {
    node: name,
    hasPeers: true,
    isAlive: (node) =>
      call(undefined, async () => {
        const other = machines.get(node);
        return other !== undefined && clock.now() - (other.silentSince ?? clock.now()) < HEARTBEAT_MS;
      }),
    async join(sessionId, listener) {
      const member = { machine, sessionId, listener };
      const leave = () => void members.delete(member);
      await call(undefined, async () => void members.add(member), leave);
      return leave;
    },
    send: (sessionId, message) =>
      call(`${name} sends ${sessionId}`, async () => {
        for (const member of members) {
          if (member.sessionId === sessionId && member.machine !== machine) pass(member, message);
        }
      }),
  };
}
