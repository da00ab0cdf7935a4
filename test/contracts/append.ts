import assert from 'node:assert/strict';
import type { AppendOptions, EventLog, LaterEvents, LoggedEvent } from '../../src/contracts/event-log.ts';

/** Appends an event that the log does not refuse, and resolves to its id. */
export async function append(
  log: EventLog,
  sessionId: string,
  streamId: string,
  data: string | undefined,
  options?: AppendOptions,
): Promise<string> {
  const id = await log.append(sessionId, streamId, data, options);
  assert.ok(id !== undefined, 'the log has refused the event');
  return id;
}

/** The messages of events. */
export function texts(found: Pick<LaterEvents, 'events'> | LoggedEvent[] | undefined): string[] {
  const events = Array.isArray(found) ? found : found?.events;
  return events?.map(({ data }) => data) ?? [];
}

/** A message as JSON. */
export function message(text: string): string {
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: text } });
}
