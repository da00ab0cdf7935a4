/**
 * What an agent program takes for its model: it asks for `slugify`, then for `slugify-batch`, then it is done, unless it is
 * given another script.
 *
 * It understands as much as is needed of the APIs that the agents speak (Anthropic's Messages, Gemini's
 * generateContent; those of OpenAI are in openai-model.ts), and notes which tools it was offered and what their results were.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { text } from 'node:stream/consumers';
import { TEXT, TITLES } from './client.ts';
import { CHAT_COMPLETIONS, RESPONSES } from './openai-model.ts';

/** A call that it asks for. Agents put their own prefix before the names of tools. */
export interface Step {
  tool: RegExp;
  args: object;
}
/** Decides what it asks for when it has seen `results`, one for each call; nothing ends the conversation. */
export type Script = (results: readonly string[]) => Step | undefined | Promise<Step | undefined>;

const STEPS: readonly Step[] = [
  { tool: /slugify$/, args: { text: TEXT } },
  { tool: /slugify[-_]batch$/, args: { titles: TITLES } },
];
const EVERY_STEP: Script = (results) => STEPS[results.length];

export interface ScriptedModel {
  /** Where it listens, without a path. */
  url: string;
  /** The tools that were offered, and the results that came back, as JSON. */
  offered: string[];
  results: string[];
}

/** A call of a tool, which the model asks for. */
export interface Call {
  id: string;
  name: string;
  args: object;
}
/** One of the APIs. */
export interface Api {
  path: RegExp;
  offered(body: Body): string[];
  results(body: Body): unknown[];
  /** The events that make up an answer, as objects or as text: a call, or the end. */
  events(call: Call | undefined, body: Body): (object | string)[];
  /** The same in one piece, for a client that does not ask for a stream. @default that is not offered */
  answer?(call: Call | undefined): object;
}
/** What is read of a request. */
export interface Body {
  stream?: boolean;
  tools?: { name?: string; functionDeclarations?: { name: string }[] }[];
  messages?: { content: string | { type: string }[] }[];
  contents?: { parts?: { functionResponse?: unknown }[] }[];
}

const ANTHROPIC: Api = {
  path: /\/messages(\?|$)/,
  offered: ({ tools = [] }) => tools.map(({ name = '' }) => name),
  results: ({ messages = [] }) =>
    messages.flatMap(({ content }) =>
      typeof content === 'string' ? [] : content.filter(({ type }) => type === 'tool_result'),
    ),
  events(call) {
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'scripted', content: [] };
    const usage = { input_tokens: 1, output_tokens: 1 };
    return [
      { type: 'message_start', message: { ...message, stop_reason: null, stop_sequence: null, usage } },
      {
        type: 'content_block_start',
        index: 0,
        content_block: call
          ? { type: 'tool_use', id: call.id, name: call.name, input: {} }
          : { type: 'text', text: '' },
      },
      {
        type: 'content_block_delta',
        index: 0,
        delta: call
          ? { type: 'input_json_delta', partial_json: JSON.stringify(call.args) }
          : { type: 'text_delta', text: 'Done' },
      },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: call ? 'tool_use' : 'end_turn', stop_sequence: null }, usage },
      { type: 'message_stop' },
    ];
  },
};

const GEMINI: Api = {
  path: /:streamGenerateContent/,
  offered: ({ tools = [] }) =>
    tools.flatMap(({ functionDeclarations = [] }) => functionDeclarations.map((f) => f.name)),
  results: ({ contents = [] }) =>
    contents.flatMap(({ parts = [] }) => parts).flatMap(({ functionResponse }) => functionResponse ?? []),
  events(call) {
    const parts = [call ? { functionCall: call } : { text: 'Done' }];
    const usageMetadata = { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 };
    return [
      { candidates: [{ index: 0, content: { role: 'model', parts }, finishReason: 'STOP' }], usageMetadata },
    ] as object[];
  },
};

const APIS = [ANTHROPIC, GEMINI, CHAT_COMPLETIONS, RESPONSES];

/** Starts a model of its own for one run of an agent. */
export async function startScriptedModel(t: TestContext, script: Script = EVERY_STEP): Promise<ScriptedModel> {
  const model: ScriptedModel = { url: '', offered: [], results: [] };
  const server = createServer((request, response) => {
    void answer(request).then((answered) => {
      if (answered === undefined) return response.writeHead(404).end();
      response.setHeader('content-type', answered.startsWith('{') ? 'application/json' : 'text/event-stream');
      return response.end(answered);
    });
  });

  async function answer(request: IncomingMessage): Promise<string | undefined> {
    const api = APIS.find(({ path }) => path.test(request.url ?? ''));
    if (!api) return undefined;
    const body = JSON.parse(await text(request)) as Body;
    const call = await nextCall(api, body);
    if (body.stream !== true && api.answer) return JSON.stringify(api.answer(call));
    return api.events(call, body).map(frame).join('');
  }

  async function nextCall(api: Api, body: Body): Promise<Call | undefined> {
    const offered = api.offered(body);
    // Agents ask for other things, too, such as a title for the conversation, and offer no tools then.
    if (!offered.some((name) => name.endsWith('slugify'))) return undefined;
    model.offered = offered;
    model.results = api.results(body).map((result) => JSON.stringify(result));
    const id = `toolu_${model.results.length}`;
    const next = await script(model.results);
    const name = offered.find((offer) => next?.tool.test(offer));
    return next && name !== undefined ? { id, name, args: next.args } : undefined;
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  model.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return model;
}

/** An event of a stream. */
function frame(event: object | string): string {
  if (typeof event === 'string') return `data: ${event}\n\n`;
  return `${'type' in event ? `event: ${String(event.type)}\n` : ''}data: ${JSON.stringify(event)}\n\n`;
}
