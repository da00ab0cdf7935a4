/**
 * The clients that people use, through nginx and three nodes, spread both ways that `deploy/nginx.conf` has. Not part of
 * `npm test`: it needs redis-server and nginx.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import type { FetchLike } from '@modelcontextprotocol/client';
import { rpc } from '../support/app.ts';
import { CLIENTS, connectHttp, type ClientKind, type HttpClient, type HttpOptions } from '../support/clients.ts';
import { waitFor } from '../support/time.ts';
import { on, startCluster, type Cluster } from './cluster.ts';
import type { Question } from './commands.ts';
import { SHIPPED, type Spreading } from './nginx.ts';

/** A limit for what never comes. It measures nothing. */
const TIMEOUT_MS = 120_000;
const TOOLS = 'notifications/tools/list_changed';
const LEGACY = CLIENTS.filter(({ era }) => era === 'legacy');

let calls = 0;

/** Calls `speak`, and returns the call, its name, and the node that it runs on. */
async function speak(cluster: Cluster, client: HttpClient, options: Parameters<HttpClient['call']>[2] = {}) {
  const name = `call ${++calls}`;
  const called = client.call('speak', { name }, options);
  // It may be refused at once.
  const failed = called.then(() => assert.fail(`${name} has ended too early`));
  const node = await Promise.race([
    failed,
    ...cluster.nodes.map((candidate) => candidate.told({ started: name }).then(() => candidate)),
  ]);
  failed.catch(() => {});
  return { called, name, node };
}

async function connect(
  t: TestContext,
  cluster: Cluster,
  kind: ClientKind,
  options: HttpOptions = {},
): Promise<HttpClient> {
  return connectHttp(t, kind, cluster.url, {
    elicit: (message) => ({ action: 'accept', content: { name: `answer to ${message}` } }),
    sample: () => 'Hello.',
    roots: ['file:///work'],
    ...options,
  });
}

/** What clients answer to each question. */
const ANSWERS: Record<Question, string> = { form: 'answer to Name?', model: 'Hello.', roots: 'file:///work' };

/** Sends requests as a client does, and breaks the connections of all streams when told to. */
function breakingFetch() {
  let breaks = new AbortController();
  const send: FetchLike = async (url, init) => {
    const signals = [breaks.signal, ...(init?.signal ? [init.signal] : [])];
    return fetch(url, { ...init, signal: AbortSignal.any(signals) });
  };
  return {
    fetch: send,
    breakAll() {
      breaks.abort(new TypeError('The connection is broken'));
      breaks = new AbortController();
    },
  };
}

for (const spreading of ['round robin', 'by session'] satisfies Spreading[]) {
  test(`clients of three nodes, ${spreading}`, { timeout: TIMEOUT_MS }, async (t) => {
    const cluster = await startCluster(t, { spreading });

    for (const { kind } of CLIENTS) {
      await t.test(`a ${kind} client calls tools, and reads progress in order`, async () => {
        const client = await connect(t, cluster, kind);
        const { tools } = await client.listTools();
        assert.deepEqual(
          tools.map(({ name }) => name),
          ['node', 'speak', 'work'],
        );
        const steps: number[] = [];
        const onprogress = ({ progress }: { progress: number }) => void steps.push(progress);
        await client.call('work', { name: `work of ${kind}, ${spreading}`, ms: 400, steps: 5 }, { onprogress });
        assert.deepEqual(steps, [1, 2, 3, 4, 5]);
      });

      await t.test(`a ${kind} client hears once of what changes on any node`, async () => {
        const client = await connect(t, cluster, kind);
        await client.follow('test:watched');
        await isListening(cluster, client);
        for (const node of cluster.nodes) {
          node.tell({ updated: 'test:watched' });
          node.tell({ changed: 'tools' });
          await client.heard.next('notifications/resources/updated', { uri: 'test:watched' });
          await client.heard.next(TOOLS);
        }
        const left = [TOOLS, 'notifications/resources/updated'].map((method) => client.heard.left(method));
        assert.deepEqual(left, [0, 0]);
      });

      await t.test(`a ${kind} client cancels a call, and its tool learns of it`, async () => {
        const client = await connect(t, cluster, kind);
        const controller = new AbortController();
        const { called, name, node } = await speak(cluster, client, { signal: controller.signal });
        controller.abort();
        await assert.rejects(called);
        await node.told({ cancelled: name });
      });
    }

    for (const { kind } of LEGACY) {
      await t.test(`a ${kind} client answers what a call asks`, async () => {
        const client = await connect(t, cluster, kind);
        // Whichever node runs the call, round robin sends the answer to another one.
        const { called, name, node } = await speak(cluster, client);
        for (const [question, answer] of Object.entries(ANSWERS)) {
          node.tell({ speech: name, ask: question as Question });
          await node.told({ answered: name, with: answer });
        }
        node.tell({ speech: name, end: 'done' });
        assert.equal((await called).content[0]?.text, 'done');
      });

      await t.test(`a ${kind} client sets a log level, and all nodes obey it`, async () => {
        const client = await connect(t, cluster, kind);
        const session = client.transport.sessionId ?? '';
        await client.setLogLevel('error');
        for (const node of cluster.nodes) {
          node.tell({ log: 'unwanted', level: 'info', session });
          node.tell({ log: node.url, level: 'error', session });
          await client.heard.next('notifications/message', { data: node.url });
        }
        assert.equal(client.heard.left('notifications/message'), 0);
      });

      await t.test(`a ${kind} client whose connections break goes on where it was`, async () => {
        const network = breakingFetch();
        const client = await connect(t, cluster, kind, { fetch: network.fetch });
        const session = client.transport.sessionId ?? '';
        const steps: number[] = [];
        const onprogress = ({ progress }: { progress: number }) => void steps.push(progress);
        const { called, name, node } = await speak(cluster, client, { onprogress });
        node.tell({ speech: name, say: 'before' });
        cluster.node(0).tell({ log: 'before', session });
        await client.heard.next('notifications/message', { data: 'before' });
        await waitFor(() => steps.length === 1);
        network.breakAll();
        node.tell({ speech: name, say: 'meanwhile' });
        cluster.node(1).tell({ log: 'meanwhile', session });
        await client.heard.next('notifications/message', { data: 'meanwhile' });
        node.tell({ speech: name, end: 'done' });
        assert.equal((await called).content[0]?.text, 'done');
        assert.deepEqual(
          steps,
          steps.toSorted((a, b) => a - b),
        );
        assert.equal(steps.length, 2, 'each once');
        assert.equal(client.heard.left('notifications/message'), 0);
      });

      await t.test(`a ${kind} client ends its session, and no node knows it any more`, async () => {
        const client = await connect(t, cluster, kind);
        const id = client.transport.sessionId ?? '';
        await client.call('node');
        await client.transport.terminateSession();
        for (const node of cluster.nodes) assert.equal((await on(node, { id }).post(rpc('ping'))).status, 404);
      });
    }

    await t.test('a session meets as many nodes as the spreading says', async () => {
      const client = await connect(t, cluster, 'v1');
      const nodes = new Set<string | undefined>();
      for (let i = 0; i < 6; i += 1) nodes.add((await client.call('node')).content[0]?.text);
      assert.equal(nodes.size, spreading === 'round robin' ? 3 : 1);
    });

    await t.test('clients without a session meet all nodes', async () => {
      const client = await connect(t, cluster, 'v2 pinned');
      const nodes = new Set<string | undefined>();
      for (let i = 0; i < 60; i += 1) nodes.add((await client.call('node')).content[0]?.text);
      assert.equal(nodes.size, 3);
    });
  });
}

/** Waits until the server tells a client of changes: what changes before that, it need not hear of. */
async function isListening(cluster: Cluster, client: HttpClient): Promise<void> {
  for (let heard = false; !heard;) {
    cluster.node(0).tell({ changed: 'prompts' });
    heard = await Promise.race([
      client.heard.next('notifications/prompts/list_changed').then(() => true),
      new Promise<false>((resolve) => setTimeout(() => resolve(false), 200)),
    ]);
  }
}

test('the shipped configuration has both ways, and no retry of calls that may have begun', async () => {
  const shipped = await readFile(SHIPPED, 'utf8');
  assert.match(shipped, /^ +#hash \$mcp_node_key consistent;$/m);
  const retries = Array.from(shipped.matchAll(/^ +proxy_next_upstream (.*);$/gm), ([, of]) => of);
  assert.deepEqual(retries, ['error timeout', 'http_503 non_idempotent']);
});
