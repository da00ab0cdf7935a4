/**
 * What a tool remembers from its question to the answer (`requestState` of 2026-07-28). The client carries it, so that any
 * node can go on with the call; it is signed, so that it comes back as it was.
 *
 * The SDK signs and verifies. This file gives it the keys, and binds each state to its caller and its request. It does
 * not encrypt: the client can read the state.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
 */
import {
  createRequestStateCodec,
  type JSONRPCRequest,
  type RequestId,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { principalKey, type Caller } from '../auth/caller.ts';

/** How long a state is valid, in seconds: ten minutes, as by default in the SDK. */
const REQUEST_STATE_TTL_SECONDS = 600;
/** Length of a key that is made here, in bytes: that of an HMAC-SHA-256. */
const KEY_BYTES = 32;
/** Parameters that differ between a request and its repetition. */
const DIFFERENT = new Set(['_meta', 'inputResponses', 'requestState']);

const REFUSED = 'a requestState was refused because its signature is unknown: it was changed, or';
const NO_SHARED_KEY =
  `${REFUSED} another process signed it, before a restart or on another node. ` +
  'Set MCP_STATE_KEY to the same value on all nodes to accept those';
const OTHER_KEY = `${REFUSED} signed with a key that is not in MCP_STATE_KEY`;

/**
 * Signs what a tool must remember while the client asks its user, and verifies it when the client repeats the call.
 *
 * Give it to the server, `new McpServer(info, { requestState })`, return `requestState: await requestState.mint(value,
 * context)` with the question, and read the value with `context.mcpReq.requestState()` when the tool is called again. A
 * state that was changed, is older than ten minutes, or was made for another caller or another request (another tool,
 * prompt or resource, or other arguments) never reaches the tool: the client gets -32602, "Invalid or expired
 * requestState". The same state may come back several times.
 *
 * In the 2025 revisions, the SDK repeats the call itself, and the state does not leave the process.
 */
export interface RequestState {
  /**
   * Resolves to the state to return to the client, which can read `value`.
   *
   * @param value - Whatever JSON can express; rejects with a `TypeError` if that is nothing.
   * @param context - What the SDK calls the tool with.
   */
  mint(value: unknown, context: ServerContext): Promise<string>;
  /** Resolves to the value; rejects if the state is not to be trusted. The server calls it. */
  verify(state: string, context: ServerContext): Promise<unknown>;
}

/** Finds a request that a server handles, by its id. */
export type FindRequest = (id: RequestId) => JSONRPCRequest | undefined;

/** Makes the {@link RequestState} of one server. Without `findRequest`, states are bound to the caller and the method only. */
export type BindRequestState = (caller: Caller, findRequest?: FindRequest) => RequestState;

/** Options of {@link createRequestStates}. */
export interface RequestStatesOptions {
  /** Keys of at least 32 bytes. The first one signs, all of them verify. If there is none, a random one is made at its first use. */
  keys?: readonly Uint8Array[];
  /** Is told once that a state has an unknown signature, and what to do. @default nobody is */
  warn?: (message: string) => void;
}

/** Makes what signs the states of all servers of an app. */
export function createRequestStates({ keys = [], warn }: RequestStatesOptions = {}): BindRequestState {
  let known = keys;
  let hasWarned = false;

  /** Not earlier, because some runtimes have no random numbers while they load a program. */
  function signingKeys(): readonly Uint8Array[] {
    if (known.length === 0) known = [crypto.getRandomValues(new Uint8Array(KEY_BYTES))];
    return known;
  }

  function refuseUnknown(): never {
    if (!hasWarned) warn?.(keys.length === 0 ? NO_SHARED_KEY : OTHER_KEY);
    hasWarned = true;
    throw new Error('The signature is unknown');
  }

  return (caller, findRequest) => {
    const bind = ({ mcpReq: { id, method } }: ServerContext) => {
      const request = findRequest?.(id);
      // It was cancelled. Without its parameters, the state would be for any request of the method.
      if (findRequest && !request) throw new Error('The request is over');
      return bindingOf(caller, method, request?.params);
    };
    const codecs = () =>
      signingKeys().map((key) => createRequestStateCodec({ key, ttlSeconds: REQUEST_STATE_TTL_SECONDS, bind }));
    return {
      async mint(value, context) {
        // The SDK would give the tool the signed text in place of a value that is `undefined`.
        if (JSON.stringify(value) === undefined) throw new TypeError(`A state must be JSON, not ${typeof value}`);
        const [codec] = codecs();
        if (!codec) throw new Error('There is no key');
        return codec.mint(value, context);
      },
      async verify(state, context) {
        for (const codec of codecs()) {
          const verified = await verifyWith(codec, state, context);
          if (verified !== 'unknown signature') return verified.value;
        }
        return refuseUnknown();
      },
    };
  };
}

/** Rejects if the key is the right one but the state is not. */
async function verifyWith(
  codec: RequestStateCodec,
  state: string,
  context: ServerContext,
): Promise<{ value: unknown } | 'unknown signature'> {
  try {
    return { value: await codec.verify(state, context) };
  } catch (error) {
    if (error instanceof Error && error.message === 'mac') return 'unknown signature';
    throw error;
  }
}

/** The caller, and the request without what differs when it is repeated. An unauthenticated caller is bound to nobody. */
function bindingOf(caller: Caller, method: string, params: JSONRPCRequest['params']): string {
  const same = params && Object.fromEntries(Object.entries(params).filter(([name]) => !DIFFERENT.has(name)));
  return JSON.stringify([principalKey(caller), method, same ?? null], withSortedKeys);
}

/** A client may write the keys of an object in another order when it repeats a request. */
function withSortedKeys(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
