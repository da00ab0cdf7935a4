/** JSON from strangers. */
import {
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResponse,
  type JSONRPCMessage,
} from '@modelcontextprotocol/server';

/** The value of `text`, or `undefined`, which no JSON text stands for. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether `value` has more than `levels` arrays and objects in each other. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || someMember(value, (part) => isDeeperThan(levels - 1, part));
}

/** Parameters that are input of tools and prompts: theirs to check, and large where they want it to be. */
const INPUT: ReadonlySet<string> = new Set(['arguments', 'inputResponses']);

/** Whether the messages in `body`, one or several, have parameters of more than `limit` values together, beside {@link INPUT}. */
export function hasMoreValuesThan(limit: number, body: unknown): boolean {
  let left = limit;
  const isOver = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && someMember(value, (part) => --left < 0 || isOver(part));
  const isOverIn = (message: unknown): boolean => {
    if (typeof message !== 'object' || message === null || !('params' in message)) return false;
    const { params } = message;
    if (typeof params !== 'object' || params === null) return false;
    return someMember(params, (part, name) => --left < 0 || (!INPUT.has(name) && isOver(part)));
  };
  return messagesOf(body).some(isOverIn);
}

/** Whether `test` holds for a member of what JSON says is an array or an object. It copies nothing and stops early. */
function someMember(value: object, test: (member: unknown, name: string) => boolean): boolean {
  if (Array.isArray(value)) return value.some((member) => test(member, ''));
  for (const name in value) if (test((value as Record<string, unknown>)[name], name)) return true;
  return false;
}

/** Whether `value` is a JSON-RPC 2.0 message as the SDK reads it; it looks first at what kind it would be. */
export function isJsonRpcMessage(value: unknown): value is JSONRPCMessage {
  if (typeof value !== 'object' || value === null) return false;
  if (!('method' in value)) return isJSONRPCResponse(value);
  return 'id' in value ? isJSONRPCRequest(value) : isJSONRPCNotification(value);
}

/** The messages in a parsed body: of a batch, or the one that it is. */
export function messagesOf(body: unknown): unknown[] {
  return Array.isArray(body) ? body : [body];
}

/** The method that `body` names, when it is a single JSON-RPC message that names one. */
export function methodOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('method' in body)) return undefined;
  return typeof body.method === 'string' ? body.method : undefined;
}

/** The id to answer under, when `body` is a single JSON-RPC request. */
export function requestIdOf(body: unknown): string | number | null {
  if (typeof body !== 'object' || body === null || !('id' in body) || !('method' in body)) return null;
  return typeof body.id === 'string' || typeof body.id === 'number' ? body.id : null;
}
