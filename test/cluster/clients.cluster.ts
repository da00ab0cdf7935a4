/**
 * The clients that people use, through nginx and three nodes, spread both ways that `deploy/nginx.conf` has. Not part of
 * `npm test`: it needs redis-server and nginx.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { CLIENTS, connectHttp, type ClientKind, type HttpClient } from '../support/clients.ts';
import { startCluster, type Cluster } from './cluster.ts';
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

async function connect(t: TestContext, cluster: Cluster, kind: ClientKind): Promise<HttpClient> {
  return connectHttp(t, kind, cluster.url, {
    elicit: (message) => ({ action: 'accept', content: { name: `answer to ${message}` } }),
  });
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
        node.tell({ speech: name, ask: 'form' });
        await node.told({ answered: name, with: 'answer to Name?' });
        node.tell({ speech: name, end: 'done' });
        assert.equal((await called).content[0]?.text, 'done');
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
