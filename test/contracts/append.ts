import assert from 'node:assert/strict';
import type { AppendOptions, EventLog } from '../../src/contracts/event-log.ts';

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
