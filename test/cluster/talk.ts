/** What tests do in a session, at the level of requests, and what a client reads. */
import assert from 'node:assert/strict';
import {
  readStream,
  rpc,
  type LegacySession,
  type RpcAnswer,
  type SseEvent,
  type StreamReader,
} from '../support/app.ts';
import { on } from './cluster.ts';
import type { ClusterNode } from './node.ts';

/** What a session can be asked in these tests. */
export const CAN_ANSWER = { elicitation: { form: {} }, sampling: {}, roots: { listChanged: true } };

/** A call that runs on a node. */
export interface Speech {
  /** Its name, and its progress token. */
  name: string;
  node: ClusterNode;
  /** The id of its request. */
  id: string | number;
  /** Its stream, which was read up to its priming event. */
  stream: StreamReader;
  /** The id of that event. */
  primed: string;
}

let speeches = 0;

/** Calls `speak` on a node, and waits until it runs. */
export async function speakOn(node: ClusterNode, session: LegacySession): Promise<Speech> {
  const name = `speech ${++speeches}`;
  const call = rpc('tools/call', { name: 'speak', arguments: { name }, _meta: { progressToken: name } });
  const stream = readStream(await on(node, session).post(call));
  await node.told({ started: name });
  const { id, message } = await stream.next();
  assert.equal(message, undefined);
  return { name, node, id: call.id, stream, primed: id ?? '' };
}

/** Opens the GET stream at a node, or resumes a stream there. */
export async function listenAt(node: ClusterNode, session: LegacySession, lastEventId?: string) {
  const response = await on(node, session).get(lastEventId);
  assert.equal(response.status, 200);
  return readStream(response);
}

/** The next events that carry a message, in short. */
export async function nextSaid(stream: StreamReader, count = 1): Promise<string[]> {
  const all: string[] = [];
  while (all.length < count) all.push(...said(await stream.next()));
  return all;
}

/** What events say, in short: text of progress or of a log message, the URI or the list that has changed, `= text`, `! code`. */
export function said(...events: SseEvent[]): string[] {
  return events.flatMap(({ message }) => {
    if (!message) return [];
    const { method, params, result, error } = message as unknown as RpcAnswer & {
      method?: string;
      params?: { message?: string; data?: string; uri?: string };
    };
    if (error) return [`! ${error.code}`];
    if (result) return [`= ${result.content?.[0]?.text}`];
    return [params?.message ?? params?.data ?? params?.uri ?? method ?? ''];
  });
}

/** Reads a stream to its end, and returns what it said beyond what was read before. */
export async function readRest(stream: StreamReader): Promise<string[]> {
  const rest: string[] = [];
  for (;;) {
    const event = await stream.next().catch((error: Error) => error);
    if (event instanceof Error) {
      assert.equal(event.message, 'The stream ended');
      return rest;
    }
    rest.push(...said(event));
  }
}
