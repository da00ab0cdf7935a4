/**
 * What a tool file may use: the context that a server is built for, and helpers for its tools.
 *
 * Everything here is optional. A `createMcpServer()` that uses only the SDK is served just as well.
 */
import type {
  AuthInfo,
  McpRequestContext,
  McpServer,
  Server,
  StandardSchemaWithJSON,
} from '@modelcontextprotocol/server';

/**
 * What a server is built for: the context of the SDK's `McpServerFactory`, and the tool that is called.
 *
 * `era` is `legacy` for the revisions up to 2025-11-25 and `modern` for 2026-07-28. `authInfo` is the caller's verified
 * token, `undefined` if the server does not require one.
 */
export interface McpContext extends McpRequestContext {
  /**
   * The only tool that the server will be asked for, under the name that the client sent; `undefined` if it may be any.
   *
   * A server that registers only this tool makes a call as cheap with a thousand tools as with two. It must declare the
   * capability `tools`, or it does not know `tools/call` when the tool does not exist.
   */
  calledTool?: string | undefined;
}

/** Builds an MCP server. The SDK's `McpServerFactory` is one. */
export type CreateServer = (context: McpContext) => McpServer | Server | Promise<McpServer | Server>;

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
