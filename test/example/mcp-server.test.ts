import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createMcpServer } from '../../src/mcp-server.ts';
import {
  answerOf,
  messagesIn,
  gate,
  modernRequest,
  openSession,
  readStream,
  rpc,
  testApp,
  type RpcAnswer,
  type TestApp,
} from '../support/app.ts';
import { settled } from '../support/time.ts';

const session = await openSession(testApp());

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
      const response = await postBatch(testApp(), era, titles, { progressToken: 'token' });
      const messages = messagesIn(await response.text());
      assert.equal(messages.pop()?.['id'], 'batch');
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

  test(`reports no progress that nobody asked for in the ${era} era`, async () => {
    const text = await (await postBatch(testApp(), era, ['a', 'b', 'c'])).text();
    assert.doesNotMatch(text, /notifications/);
    assert.match(text, /"slugs":\["a","b","c"\]/);
  });
}

/** An app whose batches wait between two steps until `open` is called. */
function pausingApp() {
  const { opened, open } = gate();
  let pauses = 0;
  const pause = async () => {
    pauses += 1;
    await opened;
  };
  return { app: testApp({}, { createServer: () => createMcpServer({ pause }) }), open, pauses: () => pauses };
}

test('stops a batch at notifications/cancelled', async () => {
  const { app, open, pauses } = pausingApp();
  const legacy = await openSession(app);
  const call = rpc('tools/call', { name: 'slugify-batch', arguments: { titles: ['a', 'b', 'c'] } });
  const response = await legacy.post(call);
  await settled();
  assert.equal(pauses(), 1);
  const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: call.id } };
  assert.equal((await legacy.post(cancelled)).status, 202);
  open();
  await response.text();
  await settled();
  assert.equal(pauses(), 1);
});

test('stops a modern batch when its stream is closed', async () => {
  const { app, open, pauses } = pausingApp();
  const stream = readStream(await postBatch(app, 'modern', ['a', 'b', 'c'], { progressToken: 1 }));
  await stream.next();
  await stream.cancel();
  open();
  await settled();
  assert.equal(pauses(), 1);
});

interface ListedTool {
  name: string;
  title: string;
  description: string;
  annotations: Record<string, boolean>;
  inputSchema: { properties: Record<string, { description?: string }>; required: string[] };
  outputSchema: { type: string; required: string[] };
}

const listed = async (): Promise<RpcAnswer> => answerOf(await testApp().request('POST', modernRequest('tools/list')));

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
  for (const { description, annotations, inputSchema, outputSchema } of tools) {
    assert.ok(description.length > 20);
    const hints = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
    assert.deepEqual(annotations, hints);
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

for (const method of ['tools/list', 'server/discover']) {
  test(`lets clients of the modern era keep ${method} for an hour`, async () => {
    const { result } = await answerOf(await testApp().request('POST', modernRequest(method)));
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
  const { result } = await answerOf(await testApp().request('POST', modernRequest('server/discover')));
  const serverInfo = { name: 'hono-mcp-server', title: 'Slugs', version };
  assert.deepEqual(result?.['_meta'], { 'io.modelcontextprotocol/serverInfo': serverInfo });
  assert.match(String(result?.['instructions']), /slugify-batch/);
  // A list that changes with a deploy only is nothing to listen for.
  assert.deepEqual(result?.['capabilities'], { tools: { listChanged: false } });
});
