/** A bystander's calls to this project: alone, and beside one principal that floods it. */
import { connect, type Socket } from 'node:net';
import { problemWith } from '../answers.ts';
import { SLUGIFY } from '../calls.ts';
import { createConnection } from '../connection.ts';
import { startFixture } from '../fixture-server.ts';
import type { NodeBinary } from '../prepare.ts';
import { createCallRequest, FIRST_ID, httpRequest, messageRequest, type Client } from '../requests.ts';
import { factsTable, perNode, type RunContext, type Section } from '../section.ts';
import { percentile } from '../statistics.ts';

const TOKENS = { flood: 'f'.repeat(32), bystander: 'b'.repeat(32) };
/** As many calls as the default rate limit allows in a minute. */
const CONNECTIONS = 20;
const CALLS_EACH = 30;
const ANSWER_CHARS = 800_000;
const CALLS = 1000;
const QUICK_CALLS = 200;
/** Between two calls of the bystander. */
const PAUSE_MS = 5;
const SETTLE_MS = 2000;

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The run `bystander`. */
export async function bystander({ nodes, options, print }: RunContext): Promise<Section> {
  const calls = options.quick ? QUICK_CALLS : CALLS;
  const parts = new Map<NodeBinary, string>();
  for (const node of nodes) {
    print(`bystander on Node ${node.major}`);
    parts.set(node, await measureOn(node, calls));
  }
  const text =
    `${calls} calls of 2026-07-28, one after another with ${PAUSE_MS} ms between them: alone, and while another principal ` +
    `pipelines ${CONNECTIONS * CALLS_EACH} calls with answers of ${ANSWER_CHARS / 1000} KB on ${CONNECTIONS} connections, ` +
    'reads nothing, and sends a progress token of 3 MB, 4 MB of brackets and 280,000 keys in arguments, over and over.';
  return { title: 'Beside a flood', body: `${text}\n\n${perNode(nodes, (node) => parts.get(node) ?? '')}` };
}

async function measureOn(node: NodeBinary, calls: number): Promise<string> {
  const env = {
    BENCH_ANSWER_CHARS: String(ANSWER_CHARS),
    MCP_AUTH_TOKENS: Object.entries(TOKENS)
      .map((entry) => entry.join(':'))
      .join(),
    MCP_RATE_LIMIT: '1000000',
  };
  const fixture = await startFixture('ours-modern', { node: node.path, env, gc: true });
  try {
    const { port } = fixture;
    await callTimes(port, calls);
    const before = await fixture.usage(true);
    const alone = await callTimes(port, calls);
    let isOver = false;
    const flooding = flood(port, () => isOver);
    const beside = await callTimes(port, calls).finally(() => (isOver = true));
    const sockets = await flooding;
    const flooded = await fixture.usage();
    for (const socket of sockets) socket.destroy();
    await wait(SETTLE_MS);
    const after = await fixture.usage(true);
    return factsTable([
      { name: 'alone, p50', value: percentile(alone, 0.5), unit: 'ms' },
      { name: 'alone, p99', value: percentile(alone, 0.99), unit: 'ms' },
      { name: 'beside the flood, p50', value: percentile(beside, 0.5), unit: 'ms' },
      { name: 'beside the flood, p99', value: percentile(beside, 0.99), unit: 'ms' },
      { name: 'resident memory before', value: before.rss / 1e6, unit: 'MB' },
      { name: 'at its most', value: flooded.maxRss / 1e6, unit: 'MB' },
      { name: 'after the flood, collected', value: after.rss / 1e6, unit: 'MB' },
    ]);
  } finally {
    await fixture.stop();
  }
}

/** How long each call of the bystander takes, in milliseconds, in ascending order. */
async function callTimes(port: number, calls: number): Promise<number[]> {
  const connection = createConnection(port);
  const request = createCallRequest({ port, era: 'modern', token: TOKENS.bystander }, SLUGIFY.call);
  const times: number[] = [];
  for (let id = FIRST_ID + 1; id <= FIRST_ID + calls; id += 1) {
    const begun = performance.now();
    const answer = await connection.send(request(id));
    times.push(performance.now() - begun);
    const problem = problemWith(answer, id, SLUGIFY.expected);
    if (problem !== undefined) throw new Error(`The bystander: ${problem}`);
    await wait(PAUSE_MS);
  }
  connection.close();
  return times.toSorted((a, b) => a - b);
}

/** Floods until `isOver`. Resolves to the connections that read nothing. */
async function flood(port: number, isOver: () => boolean): Promise<Socket[]> {
  const client: Client = { port, era: 'modern', token: TOKENS.flood };
  const call = createCallRequest(client, { tool: 'large', args: {} });
  const ids = Array.from({ length: CALLS_EACH }, (_, index) => FIRST_ID + index);
  const calls = Buffer.concat(ids.map((id) => Buffer.from(call(id))));
  const sockets = Array.from({ length: CONNECTIONS }, () => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.pause().write(calls);
    return socket;
  });
  const connection = createConnection(port);
  const requests = costlyRequests(client);
  while (!isOver()) for (const request of requests) await connection.send(request);
  connection.close();
  return sockets;
}

function costlyRequests(client: Client): Buffer[] {
  const keys = Object.fromEntries(Array.from({ length: 280_000 }, (_, index) => [`k${index}`, 0]));
  const callWith = (params: Record<string, unknown>) =>
    messageRequest(client, { id: FIRST_ID, method: 'tools/call', params: { name: 'slugify', ...params } });
  return [
    callWith({ arguments: SLUGIFY.call.args, _meta: { progressToken: 'x'.repeat(3_000_000) } }),
    callWith({ arguments: { ...SLUGIFY.call.args, ...keys } }),
    httpRequest('POST', client, {}, '['.repeat(2_000_000) + ']'.repeat(2_000_000)),
  ];
}
