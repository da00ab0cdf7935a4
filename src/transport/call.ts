/** What a session owes its client: calls, and the JSON body or stream that their answers go into. */
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/server';
import { internalError } from '../protocol/errors.ts';
import type { EventStream } from './event-stream.ts';

/** The answer to a request; `undefined` when the session has ended before there was one. */
export type Answer = Response | undefined;

/** What is sent in answer to one POST, or on GET. */
export interface Stream {
  /** Its name in the event log; none before there is an event. */
  id: string;
  /** Calls that have no answer yet. */
  calls: Set<Call>;
  /** The connection it is sent on, while there is one. */
  connection?: EventStream | undefined;
  /** Until it is an event stream: the answers so far, and what gives them to the client. */
  pending?: { answers: string[]; respond: (response?: Response) => void; unset: () => void } | undefined;
  /** Whether an event with an id was sent, which a client can come back with. */
  isResumable?: boolean;
  /** Whether it may become an event stream: the client does not read JSON only. */
  canStream?: boolean;
  /** Whether it begins with an event without data. */
  isPrimed?: boolean;
  isBatch?: boolean;
  /** When the token of whoever opened it expires, in seconds since 1970. */
  expiresAt?: number | undefined;
}

/** A call without an answer, or whose answer is on its way. */
export interface Call {
  request: JSONRPCRequest;
  stream: Stream;
  /** Set with the first answer; further ones are dropped. */
  isAnswered: boolean;
  /** Ends its count, which begins with the event stream; until then whoever waits for the answer counts it. */
  end?: () => void;
}

/** An answer as JSON, or an error in place of one that JSON has no form for, such as a circle. */
export function answerText(answer: JSONRPCMessage, { request }: Call, onerror?: (error: Error) => void): string {
  try {
    return JSON.stringify(answer);
  } catch (error) {
    onerror?.(errorOf(error));
    return JSON.stringify(internalError(request.id));
  }
}

/** The one body with the answers to a POST: a list, if it was one. */
export function jsonResponse({ isBatch }: Stream, answers: string[], headers: Record<string, string>): Response {
  const body = isBatch ? `[${answers.join()}]` : answers[0];
  return new Response(body, { headers: { 'content-type': 'application/json', ...headers } });
}

/** What was thrown, as an error. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
