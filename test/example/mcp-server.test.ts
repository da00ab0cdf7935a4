/**
 * The example's tools, as clients of both protocol eras use them. Copy this file to test your own tools: `connectClient`
 * connects a client of the SDK in memory, through everything that the server does with a request.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { LOG_LEVEL_META_KEY, type CallToolResult, type Client, type LoggingLevel } from '@modelcontextprotocol/client';
import { createMcpServer } from '../../src/mcp-server.ts';
import { connectClient, type AppConnection } from '../../src/testing/connect-client.ts';
import { SUITE_ENV } from '../support/app.ts';

const ERAS = ['modern', 'legacy'] as const;

/** A client of the example. It is closed with the test. */
async function connect(t: TestContext, options: AppConnection = {}): Promise<Client> {
  const { client, close } = await connectClient(createMcpServer, { ...options, env: { ...SUITE_ENV, ...options.env } });
  t.after(close);
  return client;
}

const slugify = (client: Client, args: Record<string, unknown>) =>
  client.callTool({ name: 'slugify', arguments: args });
const slugifyBatch = (client: Client, titles: string[]) =>
  client.callTool({ name: 'slugify-batch', arguments: { titles } });
const titlesOf = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`);

/** What `slugs://count` says. */
async function slugsMade(client: Client): Promise<number> {
  const { contents } = await client.readResource({ uri: 'slugs://count' });
  return Number(contents[0] && 'text' in contents[0] ? contents[0].text : NaN);
}

function textOf({ content: [first] }: CallToolResult): string {
  assert.equal(first?.type, 'text');
  return first.text;
}

for (const era of ERAS) {
  describe(`in the ${era} era`, () => {
    test('makes a slug, as text and as structured content', async (t) => {
      const result = await slugify(await connect(t, { era }), { text: 'Crème brûlée' });
      assert.equal(textOf(result), 'creme-brulee');
      assert.deepEqual(result.structuredContent, { slug: 'creme-brulee' });
    });

    test('makes unique slugs of a list, in its order', async (t) => {
      const result = await slugifyBatch(await connect(t, { era }), ['b', 'a', 'b']);
      assert.equal(textOf(result), 'b\na\nb-2');
      assert.deepEqual(result.structuredContent, { slugs: ['b', 'a', 'b-2'] });
    });

    test('lists both tools with everything a client shows or decides by', async (t) => {
      const { tools } = await (await connect(t, { era })).listTools();
      assert.deepEqual(
        tools.map(({ name, title, inputSchema, outputSchema }) => [
          name,
          title,
          inputSchema.required,
          outputSchema?.['required'],
        ]),
        [
          ['slugify', 'Slugify', ['text'], ['slug']],
          ['slugify-batch', 'Slugify a list', ['titles'], ['slugs']],
        ],
      );
      for (const { title, description, annotations, inputSchema } of tools) {
        assert.ok(description && description.length > 20);
        const hints = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
        assert.deepEqual(annotations, { title, ...hints });
        assert.ok(Object.values(inputSchema.properties ?? {}).every((property) => 'description' in Object(property)));
      }
    });

    for (const [count, steps] of [
      [1, 1],
      [3, 3],
      [41, 21],
      [1000, 40],
    ] as const) {
      test(`reports progress on ${count} titles ${steps} times`, async (t) => {
        const client = await connect(t, { era });
        const reports: { progress: number; total?: number | undefined }[] = [];
        await client.callTool(
          { name: 'slugify-batch', arguments: { titles: titlesOf(count) } },
          { onprogress: (report) => reports.push(report) },
        );
        assert.equal(reports.length, steps);
        assert.ok(reports.every(({ total }) => total === count));
        assert.ok(reports.every(({ progress }, index) => progress > (reports[index - 1]?.progress ?? 0)));
        assert.equal(reports.at(-1)?.progress, count);
      });
    }

    test('reports no progress to a client that does not ask for it', async (t) => {
      const client = await connect(t, { era });
      // The SDK's client takes a report without its token for an error.
      const errors: Error[] = [];
      client.onerror = (error) => errors.push(error);
      await slugifyBatch(client, ['a', 'b', 'c']);
      assert.deepEqual(errors, []);
    });

    test('stops a batch that its client cancels, and goes on', async (t) => {
      const client = await connect(t, { era });
      const before = await slugsMade(client);
      const cancelling = new AbortController();
      const cancelled = client.callTool(
        { name: 'slugify-batch', arguments: { titles: titlesOf(1000) } },
        { signal: cancelling.signal, onprogress: () => cancelling.abort('The user has stopped it') },
      );
      await assert.rejects(cancelled, /The user has stopped it/);
      // By the time a second batch is done, the first would be, too.
      await slugifyBatch(client, titlesOf(1000));
      assert.equal(await slugsMade(client), before + 1000);
    });

    for (const [level, logged] of [
      ['info', ['notice: Slugs taken and numbered: 1', 'info: Slugs made: 2']],
      ['notice', ['notice: Slugs taken and numbered: 1']],
      ['warning', []],
    ] as const) {
      test(`logs what a batch did to a client that asks for level ${level}`, async (t) => {
        const client = await connect(t, { era });
        assert.deepEqual(await loggedBy(client, ['a', 'a'], level), logged);
      });
    }

    test('logs nothing about numbers if every slug is new', async (t) => {
      assert.deepEqual(await loggedBy(await connect(t, { era }), ['a', 'b'], 'info'), ['info: Slugs made: 2']);
    });

    test('says who it is, with the version of package.json, what it is for, and what it can do', async (t) => {
      const client = await connect(t, { era });
      const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
      const { version } = JSON.parse(manifest) as { version: string };
      const { description = '', ...names } = client.getServerVersion() ?? assert.fail();
      assert.deepEqual(names, { name: 'hono-mcp-server', title: 'Slugs', version });
      // What a server card has room for.
      assert.match(description, /^.{20,100}$/);
      assert.match(client.getInstructions() ?? '', /slugify-batch/);
      // A list that changes with a deploy only is nothing to listen for.
      assert.deepEqual(client.getServerCapabilities(), {
        logging: {},
        tools: { listChanged: false },
        resources: { listChanged: false, subscribe: true },
      });
    });
  });
}

/** What a batch logs to a client at a level, which sessions set once, and 2026-07-28 with each request. */
async function loggedBy(client: Client, titles: string[], level: LoggingLevel): Promise<string[]> {
  const logged: string[] = [];
  client.setNotificationHandler('notifications/message', ({ params }) => {
    assert.equal(params.logger, 'slugify-batch');
    logged.push(`${params.level}: ${String(params.data)}`);
  });
  if (client.getProtocolEra() === 'legacy') await client.setLoggingLevel(level);
  const _meta = client.getProtocolEra() === 'modern' ? { [LOG_LEVEL_META_KEY]: level } : {};
  await client.callTool({ name: 'slugify-batch', arguments: { titles }, _meta });
  return logged;
}

test('logs nothing to a client of the modern era that does not ask for it', async (t) => {
  const client = await connect(t);
  client.setNotificationHandler('notifications/message', () => assert.fail('It was logged to'));
  await slugifyBatch(client, ['a', 'a']);
});

const TOO_LONG = 'may have at most 10000 characters';
const WRONG: [tool: 'slugify' | 'slugify-batch', args: Record<string, unknown>, says: string][] = [
  ['slugify', {}, 'text: '],
  ['slugify', { text: 5 }, 'text: '],
  ['slugify', { text: 'x'.repeat(10_001) }, `text: text ${TOO_LONG}`],
  ['slugify', { text: 'ﷺ'.repeat(600) }, `text: text ${TOO_LONG}, ligatures written out`],
  ['slugify', { text: 'a', separator: '+' }, 'separator: '],
  ['slugify', { text: 'a', lowercase: 'yes' }, 'lowercase: '],
  ['slugify', { text: 'a', maxLength: 0 }, 'maxLength: '],
  ['slugify', { text: 'a', maxLength: 10_001 }, 'maxLength: '],
  ['slugify', { text: 'a', maxLength: 1.5 }, 'maxLength: '],
  ['slugify', { text: 'a', characters: 'latin' }, 'characters: '],
  ['slugify-batch', {}, 'titles: '],
  ['slugify-batch', { titles: [] }, 'titles: give at least one title'],
  ['slugify-batch', { titles: titlesOf(1001) }, 'titles: at most 1000 titles fit one call: split the list'],
  ['slugify-batch', { titles: ['a', 'x'.repeat(1001)] }, 'titles.1: a title may have at most 1000 characters'],
  [
    'slugify-batch',
    { titles: ['a', 'ﷺ'.repeat(60)] },
    'titles.1: a title may have at most 1000 characters, ligatures written out',
  ],
  ['slugify-batch', { titles: ['a'], separator: ' ' }, 'separator: '],
];

for (const [tool, args, says] of WRONG) {
  test(`answers isError to ${tool} with ${JSON.stringify(args).slice(0, 40)}, naming the field`, async (t) => {
    const result = await (await connect(t)).callTool({ name: tool, arguments: args });
    assert.equal(result.isError, true);
    assert.ok(textOf(result).includes(`Invalid arguments for tool ${tool}: ${says}`), textOf(result));
  });
}

test('lists the tools in the same order and words on every server and in both eras', async (t) => {
  const clients = [await connect(t), await connect(t), await connect(t, { era: 'legacy' })];
  const [first, ...others] = await Promise.all(clients.map(async (client) => (await client.listTools()).tools));
  for (const tools of others) assert.deepEqual(tools, first);
});

test('lets clients of the modern era keep lists, and what the server is, for an hour', async (t) => {
  const client = await connect(t);
  for (const result of [await client.listTools(), await client.listResources(), await client.discover()]) {
    assert.deepEqual([result.ttlMs, result.cacheScope], [3_600_000, 'public']);
  }
});

test('gives clients of sessions no cache hints, which their revisions do not have', async (t) => {
  const client = await connect(t, { era: 'legacy' });
  assert.deepEqual(Object.keys(await client.listTools()), ['tools']);
});

test('hides slugify-batch from static tokens without its scope', async (t) => {
  const secret = { ci: 'c'.repeat(32), batch: 'b'.repeat(32) };
  const env = { MCP_AUTH_TOKENS: `ci:${secret.ci}, batch:${secret.batch}:slugs:batch` };
  const listedTo = async (token: string) => (await connect(t, { env, token })).listTools();
  const [ci, batch] = [await listedTo(secret.ci), await listedTo(secret.batch)];
  assert.deepEqual(
    [ci, batch].map(({ tools }) => tools.map(({ name }) => name)),
    [['slugify'], ['slugify', 'slugify-batch']],
  );
  // What depends on the caller is not for shared caches.
  assert.deepEqual([ci.cacheScope, batch.cacheScope], ['private', 'private']);
});
