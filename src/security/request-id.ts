/**
 * The id of a request, which its answer and all its log lines have. It comes from a trusted proxy, whose own log has it, too,
 * or it is made here.
 */
import type { Context } from 'hono';
import type { GetConnInfo } from 'hono/conninfo';
import { isTrustedPeer, type TrustedProxies } from './trusted-proxies.ts';

/** What ids of proxies consist of: UUIDs, hexadecimal numbers, and those of AWS, such as `Root=1-67891233-abcdef`. */
const PROXY_ID = /^[\w.:=+/-]{1,128}$/;

/** Returns a function that finds or makes the id of a request, given what the runtime knows of its connection. */
export function requestIdOf(connInfo: GetConnInfo | undefined, trusted: TrustedProxies): (c: Context) => string {
  return (c) => {
    const sent = c.req.raw.headers.get('x-request-id');
    const isUsable = sent !== null && PROXY_ID.test(sent) && isTrustedPeer(connInfo?.(c).remote.address, trusted);
    return isUsable ? sent : crypto.randomUUID();
  };
}
