import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { LOG_LEVEL_META_KEY } from '@modelcontextprotocol/server';
import { createMcpServer } from '../../src/mcp-server.ts';
import {
  answerOf,
  messagesIn,
  modernRequest,
  openSession,
  rpc,
  testApp,
  type RpcAnswer,
  type TestApp,
} from '../support/app.ts';
import { startEntry } from '../support/process.ts';
import { STDIO_ERAS, wireInProcess, wireTo } from '../support/stdio-wire.ts';

const exampleApp = (env: Record<string, string> = {}): TestApp => testApp(env, { createServer: createMcpServer });
const session = await openSession(exampleApp());

const WRONG: [tool: string, args: Record<string, unknown>, says: string][] = [
  ['slugify', {}, 'text: '],
  ['slugify', { text: 5 }, 'text: '],
  ['slugify', { text: 'x'.repeat(10_001) }, 'text: text may have at most 10000 characters'],
  ['slugify', { text: 'ﷺ'.repeat(600) }, 'text: text may have at most 10000 characters, ligatures written out'],
  [
    'slugify-batch',
    { titles: ['a', 'ﷺ'.repeat(60)] },
    'titles.1: a title may have at most 1000 characters, ligatures written out',
  ],
  ['slugify', { text: 'a', separator: '+' }, 'separator: '],
  ['slugify', { text: 'a', lowercase: 'yes' }, 'lowercase: '],
  ['slugify', { text: 'a', maxLength: 0 }, 'maxLength: '],
  ['slugify', { text: 'a', maxLength: 10_001 }, 'maxLength: '],
  ['slugify', { text: 'a', maxLength: 1.5 }, 'maxLength: '],
  ['slugify', { text: 'a', characters: 'latin' }, 'characters: '],
  ['slugify-batch', {}, 'titles: '],
  ['slugify-batch', { titles: [] }, 'titles: give at least one title'],
  ['slugify-batch', { titles: Array(1001).fill('a') }, 'titles: at most 1000 titles fit one call: split the list'],
  ['slugify-batch', { titles: ['a', 'x'.repeat(1001)] }, 'titles.1: a title may have at most 1000 characters'],
  ['slugify-batch', { titles: ['a'], separator: ' ' }, 'separator: '],
];

for (const [tool, args, says] of WRONG) {
  const shown = JSON.stringify(args).slice(0, 40);
  test(`answers isError to ${tool} with ${shown}, naming the field`, async () => {
    const { result } = await session.call(tool, args);
    assert.equal(result?.isError, true);
    assert.ok(result.content?.[0]?.text.includes(`Invalid arguments for tool ${tool}: ${says}`));
  });
}

/** Posts a batch, as a client of each era does. */
async function postBatch(app: TestApp, era: 'legacy' | 'modern', titles: string[], _meta = {}): Promise<Response> {
  const params = { name: 'slugify-batch', arguments: { titles }, _meta };
  if (era === 'legacy') return (await openSession(app)).post(rpc('tools/call', params, 'batch'));
  return app.request('POST', modernRequest('tools/call', params, { id: 'batch' }));
}

for (const era of ['legacy', 'modern'] as const) {
  for (const [count, steps] of [
    [1, 1],
    [3, 3],
    [41, 21],
    [1000, 40],
  ] as const) {
    test(`reports progress on ${count} titles ${steps} times before the answer in the ${era} era`, async () => {
      const titles = Array.from({ length: count }, (_, index) => `t${index}`);
      const response = await postBatch(exampleApp(), era, titles, { progressToken: 'token' });
      const messages = messagesIn(await response.text());
      assert.equal(messages.pop()?.['id'], 'batch');
      // A client of a session that sets no level gets every log message.
      if (era === 'legacy') assert.equal(messages.pop()?.['method'], 'notifications/message');
      assert.ok(messages.every(({ method }) => method === 'notifications/progress'));
      const reports = messages.map(
        ({ params }) => params as { progressToken: string; progress: number; total: number },
      );
      assert.equal(reports.length, steps);
      assert.ok(reports.every(({ progressToken, total }) => progressToken === 'token' && total === count));
      assert.ok(reports.every(({ progress }, index) => progress > (reports[index - 1]?.progress ?? 0)));
      assert.equal(reports.at(-1)?.progress, count);
    });
  }

  test(`reports no progress without a progress token in the ${era} era`, async () => {
    const text = await (await postBatch(exampleApp(), era, ['a', 'b', 'c'])).text();
    assert.doesNotMatch(text, /notifications\/progress/);
    assert.match(text, /"slugs":\["a","b","c"\]/);
  });
}

/** What a batch of two equal titles logs. */
const NUMBERED = { level: 'notice', data: 'Slugs taken and numbered: 1', logger: 'slugify-batch' };
const MADE = { level: 'info', data: 'Slugs made: 2', logger: 'slugify-batch' };

const loggedIn = async (response: Response) =>
  messagesIn(await response.text()).flatMap(({ method, params }) =>
    method === 'notifications/message' ? [params] : [],
  );

for (const [level, logged] of [
  ['info', [NUMBERED, MADE]],
  ['notice', [NUMBERED]],
  ['warning', []],
] as const) {
  test(`logs at level ${level} what a batch did, after logging/setLevel in the legacy era`, async () => {
    const legacy = await openSession(exampleApp());
    assert.deepEqual((await answerOf(await legacy.post(rpc('logging/setLevel', { level })))).result, {});
    const call = rpc('tools/call', { name: 'slugify-batch', arguments: { titles: ['a', 'a'] } });
    assert.deepEqual(await loggedIn(await legacy.post(call)), logged);
  });

  test(`logs at level ${level} what a batch did, if _meta asks for it in the modern era`, async () => {
    const response = await postBatch(exampleApp(), 'modern', ['a', 'a'], { [LOG_LEVEL_META_KEY]: level });
    assert.deepEqual(await loggedIn(response), logged);
  });
}

test('logs nothing about numbers if every slug is new', async () => {
  const response = await postBatch(exampleApp(), 'modern', ['a', 'b'], { [LOG_LEVEL_META_KEY]: 'info' });
  assert.deepEqual(await loggedIn(response), [MADE]);
});

test('logs nothing to a client of the modern era that does not ask for it', async () => {
  assert.deepEqual(await loggedIn(await postBatch(exampleApp(), 'modern', ['a', 'a'])), []);
});

for (const [era, { opening, request }] of Object.entries(STDIO_ERAS)) {
  test(`stops a batch that a client of ${era} cancels, without an answer to it, and goes on`, async (t) => {
    const wire = wireInProcess(t, createMcpServer);
    for (const message of opening) wire.send(message);
    const titles = Array.from({ length: 1000 }, (_, index) => `t${index}`);
    const batch = (progressToken: string) =>
      request('tools/call', { name: 'slugify-batch', arguments: { titles }, _meta: { progressToken } });
    const [cancelled, next] = [batch('cancelled'), batch('next')];
    wire.send(cancelled);
    await wire.match(/"progress":25,/);
    wire.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: cancelled.id } });

    // By the time a second batch is done, the first would be, too.
    wire.send(next);
    assert.equal((await wire.answer(next)).result?.isError, undefined);
    const messages = wire.messages();
    assert.ok(messages.every(({ id }) => id !== cancelled.id));
    const reports = (token: string) =>
      messages.filter(({ params }) => (params as { progressToken?: string } | undefined)?.progressToken === token);
    assert.equal(reports('next').length, 40);
    assert.ok(reports('cancelled').length < 10, `${reports('cancelled').length} steps`);
  });

  test(`speaks nothing but JSON-RPC of ${era} over stdio, with progress and log messages`, async (t) => {
    const server = startEntry(t, 'src/stdio-server.ts');
    const wire = wireTo(server);
    for (const message of opening) wire.send(message);
    const _meta = { progressToken: 'token', [LOG_LEVEL_META_KEY]: 'info' };
    const requests = [
      request('tools/call', { name: 'slugify', arguments: { text: 'Hello World' } }),
      request('tools/call', { name: 'slugify-batch', arguments: { titles: ['a', 'a'] }, _meta }),
    ];
    for (const message of requests) wire.send(message);
    const [slug, batch] = await Promise.all(requests.map((message) => wire.answer(message)));
    assert.deepEqual(slug?.result?.structuredContent, { slug: 'hello-world' });
    assert.deepEqual(batch?.result?.structuredContent, { slugs: ['a', 'a-2'] });

    server.endStdin();
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    const notifications = wire.messages().filter(({ method }) => method !== undefined);
    assert.deepEqual(
      notifications.map(({ method, params }) => [method, params]),
      [
        ...[1, 2].map((done) => ['notifications/progress', { progressToken: 'token', progress: done, total: 2 }]),
        ['notifications/message', NUMBERED],
        ['notifications/message', MADE],
      ],
    );
    // One answer to each request.
    assert.equal(wire.messages().length - notifications.length, requests.length + 1);
  });
}

interface ListedTool {
  name: string;
  title: string;
  description: string;
  annotations: Record<string, string | boolean>;
  inputSchema: { properties: Record<string, { description?: string }>; required: string[] };
  outputSchema: { type: string; required: string[] };
}

const listed = async (): Promise<RpcAnswer> =>
  answerOf(await exampleApp().request('POST', modernRequest('tools/list')));

test('lists both tools with everything a client shows or decides by', async () => {
  const tools = (await listed()).result?.['tools'] as ListedTool[];
  assert.deepEqual(
    tools.map(({ name, title, inputSchema, outputSchema }) => [
      name,
      title,
      inputSchema.required,
      outputSchema.required,
    ]),
    [
      ['slugify', 'Slugify', ['text'], ['slug']],
      ['slugify-batch', 'Slugify a list', ['titles'], ['slugs']],
    ],
  );
  for (const { title, description, annotations, inputSchema, outputSchema } of tools) {
    assert.ok(description.length > 20);
    const hints = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
    assert.deepEqual(annotations, { title, ...hints });
    assert.equal(outputSchema.type, 'object');
    assert.ok(Object.values(inputSchema.properties).every((property) => property.description));
  }
});

test('lists the tools in the same order and words on every server and in both eras', async () => {
  const [modern, again] = [await listed(), await listed()];
  const legacy = await answerOf(await session.post(rpc('tools/list')));
  assert.deepEqual(modern.result?.['tools'], again.result?.['tools']);
  assert.deepEqual(legacy.result?.['tools'], modern.result?.['tools']);
});

for (const method of ['tools/list', 'resources/list', 'server/discover']) {
  test(`lets clients of the modern era keep ${method} for an hour`, async () => {
    const { result } = await answerOf(await exampleApp().request('POST', modernRequest(method)));
    assert.deepEqual([result?.['ttlMs'], result?.['cacheScope']], [3_600_000, 'public']);
  });
}

test('gives clients of sessions no cache hints, which their revisions do not have', async () => {
  const { result } = await answerOf(await session.post(rpc('tools/list')));
  assert.deepEqual(Object.keys(result ?? {}), ['tools']);
});

test('says who it is, with the version of package.json, what it is for, and what it can do', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const { result } = await answerOf(await exampleApp().request('POST', modernRequest('server/discover')));
  const meta = result?.['_meta'] as { 'io.modelcontextprotocol/serverInfo': Record<string, string> };
  const { description = '', ...names } = meta['io.modelcontextprotocol/serverInfo'];
  assert.deepEqual(names, { name: 'hono-mcp-server', title: 'Slugs', version });
  // What a server card has room for.
  assert.match(description, /^.{20,100}$/);
  assert.match(String(result?.['instructions']), /slugify-batch/);
  // A list that changes with a deploy only is nothing to listen for.
  assert.deepEqual(result?.['capabilities'], {
    logging: {},
    tools: { listChanged: false },
    resources: { listChanged: false, subscribe: true },
  });
});

const SECRET = { ci: 'c'.repeat(32), batch: 'b'.repeat(32) };

test('hides slugify-batch from static tokens without its scope', async () => {
  const app = exampleApp({ MCP_AUTH_TOKENS: `ci:${SECRET.ci}, batch:${SECRET.batch}:slugs:batch` });
  const names = async (secret: string) => {
    const headers = { authorization: `Bearer ${secret}` };
    const { result } = await answerOf(await app.request('POST', modernRequest('tools/list', {}, { headers })));
    // What depends on the caller is not for shared caches.
    assert.equal(result?.['cacheScope'], 'private');
    return (result['tools'] as ListedTool[]).map(({ name }) => name);
  };
  assert.deepEqual(await names(SECRET.ci), ['slugify']);
  assert.deepEqual(await names(SECRET.batch), ['slugify', 'slugify-batch']);
});
