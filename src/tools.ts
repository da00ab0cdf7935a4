/**
 * What a tool file may use: the context that a server is built for, and helpers for its tools.
 *
 * Everything here is optional. A `createMcpServer()` that uses only the SDK is served just as well.
 */
import type { AuthInfo, StandardSchemaWithJSON } from '@modelcontextprotocol/server';
import { ANONYMOUS } from './auth/caller.ts';
import type { McpContext } from './context/context.ts';
import { createNotifier } from './context/notifier.ts';
import { createRequestStates } from './context/request-state.ts';
import { ScopedState, type StateSource } from './context/state.ts';
import { createMemoryStateStore } from './memory/memory-state-store.ts';

export type { CreateServer, McpContext, OnSessionEnd, SessionEndReason, ToolFile } from './context/context.ts';
export { createNotifier, type Notifier } from './context/notifier.ts';
export type { RequestState } from './context/request-state.ts';
export type { State } from './context/state.ts';
export { StateError } from './context/state-json.ts';
export type { ValueOptions, Values } from './context/values.ts';

/**
 * A context without a host, to test a `createMcpServer` with: nobody hears its notifications, its state is a new
 * one in memory, and its request states are signed with a key of its own.
 *
 * @param parts - What to replace in a legacy context with a session, or in a modern one without; neither has a caller.
 */
export function standaloneContext(parts: Partial<McpContext> = {}): McpContext {
  const { era = 'legacy', caller } = parts;
  const sessionId = era === 'legacy' ? 'standalone' : undefined;
  const context = { era, sessionId, notify: createNotifier(), ...parts };
  const source: StateSource = {
    store: createMemoryStateStore({ clock: { now: Date.now } }),
    hasSession: async () => true,
  };
  const who = caller ? { principal: caller } : ANONYMOUS;
  const state = new ScopedState(source, context.sessionId, who);
  return { state, requestState: createRequestStates()(who), ...context };
}

/**
 * Whether the caller has `scope` or can get it.
 *
 * A client that signs in through an authorization server can ask for another scope. A static token cannot change, so a
 * tool that its scopes do not cover may as well be left out. Where callers are unauthenticated, scopes do not apply.
 */
export function canHaveScope(authInfo: AuthInfo | undefined, scope: string): boolean {
  const isStatic = authInfo !== undefined && authInfo.resourceMetadataUrl === undefined;
  return !isStatic || authInfo.scopes.includes(scope);
}

/** Lets other calls run: resolves on the next turn of the event loop, on every runtime. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

type Converter = StandardSchemaWithJSON['~standard']['jsonSchema'];

/**
 * Returns `schema`, a Standard Schema such as Zod's, with its JSON Schema computed once.
 *
 * Without sessions, a server is built for every request, and each new server asks its tools for their JSON Schema.
 * Computing it takes longer than most calls, and it never changes.
 *
 * @see https://standardschema.dev/json-schema
 */
export function cachedSchema<Input, Output>(
  schema: StandardSchemaWithJSON<Input, Output>,
): StandardSchemaWithJSON<Input, Output> {
  const standard = schema['~standard'];
  const { input, output } = standard.jsonSchema;
  return { '~standard': { ...standard, jsonSchema: { input: once(input), output: once(output) } } };
}

/** Caches one JSON Schema for each target. A conversion with options of a library is not cached. */
function once(convert: Converter['input']): Converter['input'] {
  const cache = new Map<string, Record<string, unknown>>();
  return (options) => {
    if (options.libraryOptions !== undefined) return convert(options);
    const cached = cache.get(options.target);
    if (cached) return cached;
    const jsonSchema = convert(options);
    cache.set(options.target, jsonSchema);
    return jsonSchema;
  };
}
