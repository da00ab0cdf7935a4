/**
 * What metrics and spans call methods, tools and errors. Clients choose those names, so each is taken from a bounded set:
 * otherwise a client could fill the memory of a metrics database, or write what it likes into a trace.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/server';

/** Stands for every name outside of its set. */
export const OTHER = 'other';

/** Most names that {@link createKnownNames} learns. A server with more tools than that is rare, and its charts are unreadable. */
const MAX_NAMES = 200;
/** Longest name that it learns. */
const MAX_NAME_CHARS = 128;

/** What clients may send, in all revisions (schema, `ClientRequest` and `ClientNotification`), with the task methods of extensions. */
const METHODS: ReadonlySet<string> = new Set([
  'completion/complete',
  'initialize',
  'logging/setLevel',
  'notifications/cancelled',
  'notifications/initialized',
  'notifications/progress',
  'notifications/roots/list_changed',
  'notifications/tasks/status',
  'ping',
  'prompts/get',
  'prompts/list',
  'resources/list',
  'resources/read',
  'resources/subscribe',
  'resources/templates/list',
  'resources/unsubscribe',
  'server/discover',
  'subscriptions/listen',
  'tasks/cancel',
  'tasks/get',
  'tasks/list',
  'tasks/result',
  'tasks/update',
  'tools/call',
  'tools/list',
]);

/** JSON-RPC's codes, and those of the specification. A tool may throw others. */
const ERROR_CODES: ReadonlySet<number> = new Set([
  -32700, -32600, -32601, -32602, -32603, -32000, -32001, -32002, -32003, -32004, -32020, -32021, -32022, -32042,
]);

/** The name of a method: itself if the specification has it. */
export function methodLabel(method: string): string {
  return METHODS.has(method) ? method : OTHER;
}

/**
 * `error.type` of an answer by the semantic conventions: the code of a JSON-RPC error, or `tool_error` for a tool's own
 * failure, which is a result; `undefined` for a success.
 *
 * @see https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md
 */
export function errorTypeOf(answer: JSONRPCMessage): string | undefined {
  if ('error' in answer) return ERROR_CODES.has(answer.error.code) ? String(answer.error.code) : OTHER;
  return 'result' in answer && answer.result['isError'] === true ? 'tool_error' : undefined;
}

/** The names of tools or prompts that the server has shown to have. */
export interface KnownNames {
  /** The name if it is known, and {@link OTHER} if not. */
  labelOf(name: string): string;
  /** Adds a name, unless there are too many. */
  learn(name: unknown): void;
}

/** Makes an empty set. Names are learnt rather than asked for: a list of tools may differ from session to session. */
export function createKnownNames(): KnownNames {
  const names = new Set<string>();
  return {
    labelOf: (name) => (names.has(name) ? name : OTHER),
    learn(name) {
      if (typeof name === 'string' && name.length <= MAX_NAME_CHARS && names.size < MAX_NAMES) names.add(name);
    },
  };
}
