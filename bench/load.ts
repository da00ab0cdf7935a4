/**
 * Entry of the load generator, a process of its own, which `start-load.ts` starts and sends its plan.
 *
 * Raw sockets instead of an HTTP client: on two cores a client that needs as much CPU as the server would hide
 * how fast the fast ones are. Every answer is checked.
 */
import { once } from 'node:events';
import { headerOf } from './answer-reader.ts';
import { createQuickCheck, problemWith } from './answers.ts';
import { createConnection, openClient, shakeHands, type Connection } from './connection.ts';
import type { LoadCommand, LoadPlan, LoadReport, LoadResult } from './load-plan.ts';
import { createCallRequest, FIRST_ID, httpRequest, messageRequest, type Client } from './requests.ts';
import { percentile } from './statistics.ts';
import { problemWithList, problemWithWork, workCalls } from './work-calls.ts';

/** One answer in so many is parsed and compared whole. */
const FULL_CHECK_EVERY = 64;
/** An answer that takes longer than that does not come. */
const DEADLINE_MS = 30_000;

/** One unit of load: resolves to what is wrong, or `undefined`. */
type Unit = () => Promise<string | undefined>;

const [plan] = (await once(process, 'message')) as [LoadPlan];
const report = (message: LoadReport) => void process.send?.(message);
let answers: LoadResult['answers'] = 'JSON';
let nextId = FIRST_ID;

function createCaller(connection: Connection, client: Client): Unit {
  const requestFor = createCallRequest(client, plan.call);
  const isRight = createQuickCheck(plan.expected.structuredContent);
  const { progress = 0 } = plan.expected;
  return async () => {
    const id = ++nextId;
    const answer = await connection.send(requestFor(id));
    if (id % FULL_CHECK_EVERY !== 0 && progress === 0 && isRight(answer, id)) return undefined;
    answers = headerOf(answer.head, 'content-type')?.startsWith('text/event-stream') ? 'stream' : 'JSON';
    return problemWith(answer, id, plan.expected);
  };
}

/** A handshake, what `inSession` does, and DELETE. */
async function session(connection: Connection, inSession: (client: Client) => Promise<string | undefined>) {
  const client = await shakeHands(connection, { port: plan.port, era: plan.era });
  const problem = await inSession(client);
  if (problem !== undefined || client.sessionId === undefined) return problem;
  const { status } = await connection.send(httpRequest('DELETE', client, {}));
  return status === 200 || status === 204 ? undefined : `DELETE got ${status}`;
}

function createWorker(connection: Connection, user: number): Unit {
  const calls = workCalls(user);
  let turn = 0;
  return () =>
    session(connection, async (client) => {
      const id = ++nextId;
      const work = calls[turn++ % (calls.length + 1)];
      if (!work)
        return problemWithList(await connection.send(messageRequest(client, { id, method: 'tools/list' })), id);
      return problemWithWork(await connection.send(createCallRequest(client, work.call)(id)), id, work.isRight);
    });
}

async function openUnit(user: number): Promise<Unit> {
  if (plan.mode === 'work') return createWorker(createConnection(plan.port), user);
  if (plan.mode === 'churn') {
    const connection = createConnection(plan.port);
    return () => session(connection, (client) => createCaller(connection, client)());
  }
  const { client, connection } = await openClient(plan.port, plan.era);
  const callers = [createCaller(connection, client)];
  while (callers.length < (plan.sessionsEach ?? 1)) {
    callers.push(createCaller(connection, await shakeHands(connection, client)));
  }
  let turn = 0;
  return async () => callers[turn++ % callers.length]?.();
}

async function load(units: Unit[], seconds: number): Promise<LoadResult> {
  const times: number[] = [];
  const problems: string[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  const end = start + seconds * 1000;
  const { pause } = plan;
  const work = async (unit: Unit) => {
    let done = 0;
    for (let now = performance.now(); now < end;) {
      const problem = await unit().catch(String);
      const then = performance.now();
      if (problem === undefined) times.push(then - now);
      else problems.push(problem);
      now = then;
      done += 1;
      if (pause === undefined || done % pause.every !== 0) continue;
      await new Promise((resolve) => setTimeout(resolve, pause.milliseconds));
      now = performance.now();
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(problems.push('no answer')), seconds * 1000 + DEADLINE_MS);
  });
  await Promise.race([Promise.all(units.map(work)), late]);
  clearTimeout(timer);
  const elapsed = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = Float64Array.from(times).toSorted();
  return {
    count: times.length,
    seconds: elapsed / 1000,
    p50: times.length > 0 ? percentile(sorted, 0.5) : NaN,
    p99: times.length > 0 ? percentile(sorted, 0.99) : NaN,
    generatorShare: (user + system) / 1000 / elapsed,
    failures: problems.length,
    problem: problems[0],
    answers,
  };
}

try {
  const units = await Promise.all(Array.from({ length: plan.connections }, (_, index) => openUnit(index + 1)));
  process.on('message', ({ seconds }: LoadCommand) => {
    void load(units, seconds).then((result) => report({ result }));
  });
  report({ ready: true });
} catch (error) {
  report({ failed: String(error) });
  process.disconnect();
}
process.once('disconnect', () => process.exit());
