import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { SLUG, TEXT, TITLES } from './client.ts';
import { startScriptedModel } from './scripted-model.ts';

/** Sends `body` to the model; resolves to the data of each event, or to the answer if that is in one piece. */
async function ask(url: string, body: object): Promise<object[]> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ model: 'scripted', ...body }) });
  assert.equal(response.status, 200);
  const text = await response.text();
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return [JSON.parse(text) as object];
  const data = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json = '']) => json);
  return data.map((json) => JSON.parse(json) as object);
}

/** The arguments of every call in an answer. */
function argumentsIn(answer: object[]): unknown[] {
  const found = [...JSON.stringify(answer).matchAll(/"arguments":("(?:[^"\\]|\\.)*")/g)];
  return [...new Set(found.map(([, json = '']) => json))].map(
    (json) => JSON.parse(JSON.parse(json) as string) as unknown,
  );
}

const start = async (t: TestContext) => {
  const model = await startScriptedModel(t);
  return { model, chat: `${model.url}/v1/chat/completions`, responses: `${model.url}/v1/responses` };
};
const chatTools = ['mcp__slugify', 'mcp__slugify-batch'].map((name) => ({ type: 'function', function: { name } }));
const namespace = {
  type: 'namespace',
  name: 'mcp__server',
  tools: ['slugify', 'slugify_batch'].map((name) => ({ type: 'function', name })),
};

for (const stream of [true, false]) {
  test(`asks for both tools, then ends, through Chat Completions ${stream ? 'with' : 'without'} a stream`, async (t) => {
    const { model, chat } = await start(t);
    const result = { role: 'tool', tool_call_id: '1', content: SLUG };
    const answers = [];
    for (const messages of [[], [result], [result, result]]) {
      answers.push(await ask(chat, { stream, tools: chatTools, messages }));
    }
    assert.deepEqual(answers.map(argumentsIn), [[{ text: TEXT }], [{ titles: TITLES }], []]);
    assert.match(JSON.stringify(answers[2]), /"content":"Done"/);
    assert.deepEqual(model.offered, ['mcp__slugify', 'mcp__slugify-batch']);
    assert.equal(model.results.length, 2);
  });
}

test('asks for a tool within its namespace through Responses', async (t) => {
  const { model, responses } = await start(t);
  const result = { type: 'function_call_output', call_id: '1', output: SLUG };
  const first = await ask(responses, { stream: true, tools: [namespace], input: [] });
  const second = await ask(responses, { stream: true, tools: [namespace], input: [result] });
  const last = await ask(responses, { stream: true, tools: [namespace], input: [result, result] });
  assert.deepEqual([first, second, last].map(argumentsIn), [[{ text: TEXT }], [{ titles: TITLES }], []]);
  assert.match(JSON.stringify(second), /"name":"slugify_batch","namespace":"mcp__server"/);
  assert.equal(model.results.length, 2);
});

test('asks for nothing where no tools are offered', async (t) => {
  const { chat } = await start(t);
  assert.deepEqual(argumentsIn(await ask(chat, { messages: [] })), []);
});
