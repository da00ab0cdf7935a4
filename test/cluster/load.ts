/**
 * Steady load: clients that call `work` one after the other, through nginx, and come back for what breaks. Sessions resume
 * their streams; clients of 2026-07-28, which cannot, count a broken call as failed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { modernRequest, readStream, rpc, type LegacySession, type StreamReader } from '../support/app.ts';
import type { Random } from '../support/random.ts';
import { remoteApp } from '../support/remote.ts';
import type { Cluster } from './cluster.ts';
import { on } from './cluster.ts';

/** How long to wait before the next attempt to resume a stream. */
const RETRY_MS = 100;
const STEPS = 3;

/** What became of a call. */
export interface CallOutcome {
  name: string;
  era: 'legacy' | 'modern';
  /** When it was sent, and when it was over, by `performance.now()`. */
  sentAt: number;
  overAt: number;
  /** How often its stream was resumed. */
  resumed: number;
  /** The texts of the progress that it has reported, in order. */
  progress: string[];
  /**
   * It has its result; its stream ended with an error; it got another status, or its connection broke and there was nothing
   * to resume.
   */
  end: 'result' | 'error' | 'failed';
  /** The text of the result, or what went wrong. */
  detail: string;
  /** The status that it got at first. */
  status?: number;
}

/** Running load. */
export interface Load {
  readonly outcomes: readonly CallOutcome[];
  readonly sessions: readonly LegacySession[];
  /** Lets the calls that run come to their end, and begins no more. */
  stop(): Promise<void>;
}

/** How much of it. */
export interface LoadOptions {
  random: Random;
  /** How many clients with a session. */
  sessions: number;
  /** How many clients of 2026-07-28. */
  modern: number;
  /** The longest a call takes, in milliseconds. @default 600 */
  maxMs?: number;
}

/** Opens the sessions, and starts. */
export async function startLoad(cluster: Cluster, options: LoadOptions): Promise<Load> {
  const { random, maxMs = 600 } = options;
  const outcomes: CallOutcome[] = [];
  const sessions: LegacySession[] = [];
  for (let i = 0; i < options.sessions; i += 1) sessions.push(await cluster.open());
  const stopping = new AbortController();

  async function work(client: string, call: (outcome: CallOutcome, ms: number) => Promise<void>): Promise<void> {
    for (let count = 1; !stopping.signal.aborted; count += 1) {
      const outcome = newOutcome(`${client}, call ${count}`, client.startsWith('modern') ? 'modern' : 'legacy');
      // Half of them are answered before they become streams.
      const ms = random.next() < 0.5 ? 5 : random.int(150, maxMs);
      await call(outcome, ms).catch((error: unknown) => {
        outcome.detail = String(error);
      });
      outcome.overAt = performance.now();
      outcomes.push(outcome);
    }
  }

  const clients = [
    ...sessions.map((session, i) =>
      work(`session ${i}`, (outcome, ms) => callInSession(cluster, session, outcome, ms)),
    ),
    ...Array.from({ length: options.modern }, (_, i) =>
      work(`modern ${i}`, (outcome, ms) => callModern(cluster, outcome, ms)),
    ),
  ];
  return {
    outcomes,
    sessions,
    async stop() {
      stopping.abort();
      await Promise.all(clients);
    },
  };
}

function newOutcome(name: string, era: CallOutcome['era']): CallOutcome {
  return { name, era, sentAt: performance.now(), overAt: 0, resumed: 0, progress: [], end: 'failed', detail: '' };
}

function paramsOf(name: string, ms: number) {
  return { name: 'work', arguments: { name, ms, steps: ms < 100 ? 0 : STEPS }, _meta: { progressToken: name } };
}

async function callModern(cluster: Cluster, outcome: CallOutcome, ms: number): Promise<void> {
  const request = modernRequest('tools/call', paramsOf(outcome.name, ms));
  const response = await remoteApp(cluster.url).request('POST', request);
  await take(response, outcome);
}

async function callInSession(cluster: Cluster, session: LegacySession, outcome: CallOutcome, ms: number) {
  let lastId = await take(await session.post(rpc('tools/call', paramsOf(outcome.name, ms))), outcome);
  while (lastId !== undefined && outcome.end === 'failed') {
    outcome.resumed += 1;
    await delay(RETRY_MS);
    const response = await on(cluster, session).get(lastId);
    if (response.status === 200) lastId = (await take(response, outcome)) ?? lastId;
    else {
      outcome.detail = `${response.status} when it was resumed: ${await response.text()}`;
      // The node that was to answer is gone, or the session cannot be reached for the moment.
      if (response.status !== 502 && response.status !== 503) return;
    }
  }
}

/** Reads what there is of an answer; returns the id to resume from, if there is one and no answer yet. */
async function take(response: Response, outcome: CallOutcome): Promise<string | undefined> {
  outcome.status ??= response.status;
  if (response.status !== 200) {
    outcome.detail = `${response.status}: ${await response.text()}`;
    return undefined;
  }
  if (response.headers.get('content-type')?.startsWith('application/json')) {
    settle(outcome, JSON.parse(await response.text()) as Record<string, unknown>);
    return undefined;
  }
  return readAnswer(readStream(response), outcome);
}

async function readAnswer(stream: StreamReader, outcome: CallOutcome): Promise<string | undefined> {
  let lastId: string | undefined;
  for (;;) {
    const event = await stream.next().catch(() => undefined);
    if (!event) {
      outcome.detail = 'the stream broke';
      return lastId;
    }
    lastId = event.id ?? lastId;
    if (event.message) settle(outcome, event.message);
    if (outcome.end !== 'failed') {
      await stream.cancel().catch(() => {});
      return undefined;
    }
  }
}

function settle(outcome: CallOutcome, message: Record<string, unknown>): void {
  const { method, params, result, error } = message as {
    method?: string;
    params?: { message?: string };
    result?: { content?: { text: string }[] };
    error?: { code: number; message: string };
  };
  if (method !== undefined) return void outcome.progress.push(params?.message ?? method);
  outcome.end = error ? 'error' : 'result';
  outcome.detail = error ? `${error.code} ${error.message}` : (result?.content?.[0]?.text ?? '');
}

/** Which node has begun each call, by the name of the call. A call that has begun twice is an error. */
export function beginnings(cluster: Cluster): Map<string, string> {
  const begun = new Map<string, string>();
  for (const { name: node, reports } of cluster.nodes) {
    for (const line of reports) {
      if (!('started' in line)) continue;
      const other = begun.get(line.started);
      if (other !== undefined) throw new Error(`${line.started} has begun on ${other} and on ${node}`);
      begun.set(line.started, node);
    }
  }
  return begun;
}

/** What is wrong with the progress of a call: it must be there in order, each step once, and all of it before a result. */
export function progressProblem({ name, end, progress }: CallOutcome): string | undefined {
  const expected = Array.from({ length: STEPS }, (_, i) => `${name} ${i + 1}`);
  const isPrefix = progress.every((text, i) => text === expected[i]);
  const isWhole = end !== 'result' || progress.length === 0 || progress.length === STEPS;
  return isPrefix && isWhole ? undefined : `${name} reported ${progress.join('; ')}`;
}

/** How many calls there were, by what became of them. */
export function counts(outcomes: readonly CallOutcome[]): string {
  const count = (filter: (outcome: CallOutcome) => boolean) => outcomes.filter(filter).length;
  return [
    `${outcomes.length} calls`,
    `${count(({ end }) => end === 'result')} with a result`,
    `${count(({ end, resumed }) => end === 'result' && resumed > 0)} of them resumed`,
    `${count(({ end }) => end === 'error')} ended by an error`,
    `${count(({ end }) => end === 'failed')} failed`,
  ].join(', ');
}
