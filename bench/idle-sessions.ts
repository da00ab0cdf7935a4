/**
 * What idle sessions cost, with their servers in memory and without: opens them through the app as clients do, and
 * measures the heap before and after their servers are dropped.
 *
 *     node --expose-gc --import ./loader.mjs bench/idle-sessions.ts [sessions]
 */
import { createApp } from '../src/app.ts';
import type { Clock } from '../src/lib/clock.ts';
import { loadConfig } from '../src/config/config.ts';
import { createMcpServer } from '../src/mcp-server.ts';
import { createLogger } from '../src/telemetry/log.ts';

const SESSIONS = Number(process.argv[2] ?? 100_000);
const HOUR_MS = 60 * 60_000;
const IDLE_SECONDS = 24 * 60 * 60;
/** Of so many, the servers are measured. The others are dropped to their records at once. */
const LIVE = Math.min(1000, SESSIONS);
const LIVE_IDLE_SECONDS = 60;
/** 100,000 of them in 200 MB. */
const MAX_BYTES_EACH = 2000;
/** 10,000 servers of the example, as many as stay by default, in 500 MB. */
const MAX_BYTES_LIVE = 50_000;
/** What compiled code and the tables of maps may take on top. */
const MAX_BYTES_LEFT = 4_000_000;
const MAX_BYTES_LEFT_EACH = 100;

if (globalThis.gc === undefined) throw new Error('Run with --expose-gc');
const collect = globalThis.gc;

// Time advances only here: sessions are idle for long enough for their servers to be dropped, but not to expire.
let now = Date.now();
const ticks = new Set<() => void>();
const clock: Clock = {
  now: () => now,
  every: (_, callback) => {
    ticks.add(callback);
    return () => ticks.delete(callback);
  },
  after: () => () => {},
};
const settle = async () => {
  for (const tick of ticks) tick();
  await new Promise((resolve) => setTimeout(resolve, 200));
  collect();
  return process.memoryUsage();
};

const app = createApp(createMcpServer, {
  config: loadConfig({
    MCP_MAX_SESSIONS: String(SESSIONS),
    MCP_SESSION_IDLE_SECONDS: String(IDLE_SECONDS),
    MCP_MAX_LIVE_SESSIONS: String(LIVE),
    MCP_LIVE_IDLE_SECONDS: String(LIVE_IDLE_SECONDS),
  }),
  // At level warn it would say that servers are dropped.
  log: createLogger({ level: 'error', write: (line) => process.stderr.write(`${line}\n`) }),
  clock,
});
const headers = {
  host: 'localhost',
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};
const clientInfo = { name: 'claude-code', title: 'Claude Code', version: '2.1.7', websiteUrl: 'https://claude.com' };
const capabilities = { roots: { listChanged: true }, elicitation: { form: {}, url: {} }, sampling: {} };
const params = { protocolVersion: '2025-11-25', capabilities, clientInfo };

async function post(body: object, more: Record<string, string> = {}): Promise<Response> {
  const init = { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) };
  const response = await app.fetch(new Request('http://localhost/mcp', init));
  await response.text();
  if (!response.ok) throw new Error(`answered ${response.status}`);
  return response;
}

async function open(count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += 1) {
    const response = await post({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
    const session = { 'mcp-session-id': response.headers.get('mcp-session-id') ?? '' };
    await post({ jsonrpc: '2.0', method: 'notifications/initialized' }, session);
  }
}

await open(1);
const before = await settle();
const start = performance.now();
await open(LIVE - 1);
const live = (await settle()).heapUsed - before.heapUsed;
await open(SESSIONS - LIVE);
const seconds = (performance.now() - start) / 1000;
now += HOUR_MS;
const after = await settle();
const megabytes = (after.heapUsed - before.heapUsed) / 1e6;
process.stdout.write(`${SESSIONS} idle sessions opened in ${seconds.toFixed(1)} s on Node ${process.version}\n`);
process.stdout.write(`${megabytes.toFixed(1)} MB of heap, ${((megabytes * 1e6) / SESSIONS).toFixed(0)} bytes each\n`);
process.stdout.write(
  `${(live / 1e6).toFixed(1)} MB and ${(live / LIVE).toFixed(0)} bytes while ${LIVE} servers are in memory\n`,
);

// Once they have expired, they leave nothing behind.
now += 2 * IDLE_SECONDS * 1000;
await post({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
const left = (await settle()).heapUsed - before.heapUsed;
process.stdout.write(`${(left / 1e6).toFixed(1)} MB of heap are left when they have expired\n`);
await app.drain();
if (left > SESSIONS * MAX_BYTES_LEFT_EACH + MAX_BYTES_LEFT) process.exitCode = 1;
// A record is less than a kilobyte of text. More than twice that has another cause.
if (megabytes * 1e6 > SESSIONS * MAX_BYTES_EACH) process.exitCode = 1;
if (live > LIVE * MAX_BYTES_LIVE) process.exitCode = 1;
