/** Nodes of one service in this process: they share what Redis would keep, and have everything else of their own. */
import type { Relay, RelayMessage } from '../../src/contracts/relay.ts';
import { createMemoryChangeLog } from '../../src/memory/memory-change-log.ts';
import { openSession, sessionOf, type TestApp, type TestAppOptions } from './app.ts';
import { fixture, type Fixture, type Tool } from './fixture.ts';
import { sessionApp, type SessionApp } from './session-app.ts';

/** A node. */
export interface Node extends Fixture {
  app: TestApp;
  relay: Relay;
}

/** Nodes, and what they share. */
export interface Nodes extends Omit<SessionApp, 'app' | 'another' | 'servers'> {
  /** Starts another one. */
  start: (tools?: Record<string, Tool>, options?: TestAppOptions) => Node;
  /** The others see that a node has died: its calls have no end, and what it sends reaches nobody. */
  kill: (node: Node) => void;
}

/** Starts no node yet. */
export function createNodes(env: Record<string, string> = {}): Nodes {
  const shared = sessionApp({}, env);
  const hub = createHub();
  const changes = createMemoryChangeLog();
  return {
    ...shared,
    start(tools = {}, options = {}) {
      const servers = fixture(tools);
      const relay = hub.connect();
      const engines = { sessionStore: shared.store, eventLog: shared.eventLog, changes, relay };
      const app = shared.another(env, { ...engines, createServer: servers.createServer, ...options });
      return { ...servers, app, relay };
    },
    kill: ({ relay }) => hub.disconnect(relay.node),
  };
}

/** Two nodes, and a session that was opened on the first. */
export async function twoNodes(tools: Record<string, Tool> = {}, env: Record<string, string> = {}) {
  const nodes = createNodes(env);
  const [one, two] = [nodes.start(tools), nodes.start(tools)];
  const first = await openSession(one.app, {}, { elicitation: { form: {} } });
  return { nodes, one, two, first, second: sessionOf(two.app, first.id) };
}

/** What relays have in common. */
export interface Hub {
  connect(): Relay;
  /** A node has died. */
  disconnect(node: string): void;
}

/** Passes messages on at once. */
export function createHub(): Hub {
  const alive = new Set<string>();
  const members = new Map<string, Set<{ node: string; listener: (message: RelayMessage) => void }>>();
  return {
    connect() {
      const node = crypto.randomUUID();
      alive.add(node);
      return {
        node,
        hasPeers: true,
        isAlive: async (other) => alive.has(other),
        async join(sessionId, listener) {
          const joined = members.get(sessionId) ?? new Set();
          members.set(sessionId, joined);
          const member = { node, listener };
          joined.add(member);
          return () => void joined.delete(member);
        },
        async send(sessionId, message) {
          if (!alive.has(node)) return;
          for (const member of members.get(sessionId) ?? []) {
            if (member.node !== node) member.listener(structuredClone(message));
          }
        },
      };
    },
    disconnect: (node) => void alive.delete(node),
  };
}
