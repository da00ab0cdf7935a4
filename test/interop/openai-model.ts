/** The two APIs of OpenAI, as far as the scripted model needs them: Chat Completions and Responses. */
import type { Api } from './scripted-model.ts';

interface ChatTool {
  function?: { name: string };
}
interface ChatBody {
  tools?: ChatTool[];
  messages?: { role: string; content: unknown }[];
}

export const CHAT_COMPLETIONS: Api = {
  path: /\/chat\/completions$/,
  offered: (body) => ((body as ChatBody).tools ?? []).map((tool) => tool.function?.name ?? ''),
  results: (body) => ((body as ChatBody).messages ?? []).filter(({ role }) => role === 'tool'),
  events(call): (object | string)[] {
    const chunk = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'scripted' };
    const toolCall = call && {
      index: 0,
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: JSON.stringify(call.args) },
    };
    const delta = {
      role: 'assistant',
      ...(toolCall ? { content: null, tool_calls: [toolCall] } : { content: 'Done' }),
    };
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    return [
      { ...chunk, choices: [{ index: 0, delta, finish_reason: null }] },
      { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: call ? 'tool_calls' : 'stop' }] },
      { ...chunk, choices: [], usage },
      '[DONE]',
    ];
  },
  answer(call) {
    const message = {
      role: 'assistant',
      content: call ? null : 'Done',
      ...(call && {
        tool_calls: [
          { id: call.id, type: 'function', function: { name: call.name, arguments: JSON.stringify(call.args) } },
        ],
      }),
    };
    return {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model: 'scripted',
      choices: [{ index: 0, message, finish_reason: call ? 'tool_calls' : 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    };
  },
};

interface ResponsesTool {
  type: string;
  name?: string;
  tools?: ResponsesTool[];
}
interface ResponsesBody {
  tools?: ResponsesTool[];
  input?: { type?: string; output?: unknown }[];
}

export const RESPONSES: Api = {
  path: /\/responses$/,
  // Tools of one server may come as a namespace.
  offered: (body) =>
    ((body as ResponsesBody).tools ?? []).flatMap((tool) => [tool, ...(tool.tools ?? [])]).map(({ name = '' }) => name),
  results: (body) => {
    const { input = [] } = body as ResponsesBody;
    return Array.isArray(input) ? input.filter(({ type }) => type === 'function_call_output') : [];
  },
  events(call, body) {
    const item = call
      ? {
          type: 'function_call',
          id: `fc_${call.id}`,
          call_id: call.id,
          name: call.name,
          ...namespaceOf(call.name, body as ResponsesBody),
          arguments: JSON.stringify(call.args),
          status: 'completed',
        }
      : {
          type: 'message',
          id: 'msg_1',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'Done', annotations: [] }],
        };
    const response = { id: 'resp_1', object: 'response', created_at: 1, model: 'scripted', output: [] };
    const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
    return [
      { type: 'response.created', response: { ...response, status: 'in_progress' } },
      { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress' } },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response: { ...response, status: 'completed', output: [item], usage } },
    ];
  },
};

/** Where a tool is, if it was offered inside of a namespace. */
function namespaceOf(name: string, { tools = [] }: ResponsesBody): { namespace?: string } {
  const namespace = tools.find((tool) => tool.tools?.some((inner) => inner.name === name))?.name;
  return namespace === undefined ? {} : { namespace };
}
