/** Nodes that share a Redis, with nginx in front: all of them real processes, which do not outlive the test. */
import type { TestContext } from 'node:test';
import { openSession, sessionOf, type LegacySession } from '../support/app.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { remoteApp } from '../support/remote.ts';
import { startNginx, type Nginx, type Spreading } from './nginx.ts';
import { startNode, type ClusterNode } from './node.ts';

/** How a cluster is started. */
export interface ClusterOptions {
  /** How many nodes. @default 3 */
  size?: number;
  /** Their settings. @default a short drain */
  env?: Record<string, string>;
  /** More options of redis-server. @default none: it keeps nothing when it stops */
  redis?: string[];
  /** How nginx spreads requests. @default round robin */
  spreading?: Spreading;
  /** What the nodes run. @default node-server.ts */
  entry?: string;
}

/** A running cluster. */
export interface Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly redis: TestRedis;
  readonly nginx: Nginx;
  /** The URL of the endpoint behind nginx. */
  readonly url: string;
  /** One of the nodes. */
  node(index: number): ClusterNode;
  /** A session on nginx, or on a node; `headers` go with every request. */
  open(at?: string, capabilities?: Record<string, unknown>): Promise<LegacySession>;
}

/** What every node needs: neither do tests wait for a drain, nor do sessions get in each other's way. */
const SETTINGS = { LOG_LEVEL: 'info', MCP_DRAIN_SECONDS: '5', MCP_MAX_SESSIONS: '100000' };

/** Starts a cluster. */
export async function startCluster(t: TestContext, options: ClusterOptions = {}): Promise<Cluster> {
  const { size = 3, env = {}, spreading, entry } = options;
  const redis = await startRedis(options.redis);
  t.after(() => redis.stop());
  const settings = { ...SETTINGS, REDIS_URL: redis.url, ...env };
  const names = Array.from({ length: size }, (_, index) => `node ${index + 1}`);
  const nodes = await Promise.all(names.map((name) => startNode(t, name, settings, entry)));
  const nginx = await startNginx(
    t,
    nodes.map((node) => node.port),
    spreading,
  );
  const url = `http://127.0.0.1:${nginx.port}/mcp`;
  return {
    nginx,
    nodes,
    redis,
    url,
    node: (index) => nodes[index] ?? failed(`There is no node ${index}`),
    open: (at = url, capabilities = {}) => openSession(remoteApp(at), {}, capabilities),
  };
}

/** The same session, at another node. */
export function on({ url }: Pick<ClusterNode, 'url'>, { id }: Pick<LegacySession, 'id'>): LegacySession {
  return sessionOf(remoteApp(url), id);
}

function failed(message: string): never {
  throw new Error(message);
}
