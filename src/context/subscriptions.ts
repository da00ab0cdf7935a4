/** What clients want to hear of: what a server has announced, and the resources that they have subscribed to. */
import type { JSONRPCNotification, Server, ServerEvent } from '@modelcontextprotocol/server';

/** Most resources that one client can subscribe to. */
const MAX_SUBSCRIPTIONS = 500;
/** Longest URI of a resource that clients can subscribe to. */
const MAX_URI_CHARS = 2048;
/** All URIs of a client together: a principal may have thousands of sessions and streams, and memory holds them all. */
const MAX_CHARS = 64 * 1024;

/** Whether so many resources, with URIs of these lengths, are few enough for one client. */
export function areFewEnough(uris: ReadonlySet<string>): boolean {
  let chars = 0;
  for (const { length } of uris) {
    if (length > MAX_URI_CHARS) return false;
    chars += length;
  }
  return uris.size <= MAX_SUBSCRIPTIONS && chars <= MAX_CHARS;
}

/**
 * Whether a change is worth keeping for sessions that listen later. No session can have subscribed to a resource with a
 * longer URI, and tools may notify of whatever URIs their callers make up.
 */
export function isKept(event: ServerEvent): boolean {
  return event.kind !== 'resource_updated' || event.uri.length <= MAX_URI_CHARS;
}

/** What an event is about: an earlier event about the same says nothing that the later one does not. */
export function subjectOf(event: ServerEvent): string {
  return event.kind === 'resource_updated' ? `${event.kind} ${event.uri}` : event.kind;
}

/** What clients of a server hear of without a subscription: its lists, as far as it announces changes. */
export function announcedEvents(server: Server): ServerEvent[] {
  const { tools, prompts, resources } = server.getCapabilities();
  const events: ServerEvent[] = [];
  if (tools?.listChanged === true) events.push({ kind: 'tools_list_changed' });
  if (prompts?.listChanged === true) events.push({ kind: 'prompts_list_changed' });
  if (resources?.listChanged === true) events.push({ kind: 'resources_list_changed' });
  return events;
}

/**
 * Has `server` answer `resources/subscribe` and `resources/unsubscribe` if it announces subscriptions, so that its author
 * need not write handlers. It keeps those that it has.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/server/resources#subscriptions
 */
export function answerSubscriptions(server: Server): void {
  if (server.getCapabilities().resources?.subscribe !== true) return;
  for (const method of ['resources/subscribe', 'resources/unsubscribe'] as const) {
    try {
      server.assertCanSetRequestHandler(method);
    } catch {
      continue;
    }
    server.setRequestHandler(method, () => ({}));
  }
}

const METHODS = {
  tools_list_changed: 'notifications/tools/list_changed',
  prompts_list_changed: 'notifications/prompts/list_changed',
  resources_list_changed: 'notifications/resources/list_changed',
  resource_updated: 'notifications/resources/updated',
} as const satisfies Record<ServerEvent['kind'], string>;

/** What a client is sent when something has changed. */
export function notificationOf(event: ServerEvent): JSONRPCNotification {
  const { kind, params } = event;
  const about = kind === 'resource_updated' ? { ...params, uri: event.uri } : params;
  return { jsonrpc: '2.0', method: METHODS[kind], ...(about && { params: about }) };
}
