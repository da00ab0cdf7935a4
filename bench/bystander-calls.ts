/** The calls of a bystander: at a steady rate, whatever the server does, as someone who works beside a flood would. */
import { problemWith } from './answers.ts';
import { SLUGIFY } from './calls.ts';
import { createConnection, type Connection } from './connection.ts';
import { createCallRequest, FIRST_ID, type Client } from './requests.ts';

/** A call that is not answered by then has failed. */
const DEADLINE_MS = 5000;

/** What came of the calls. */
export interface Calls {
  /** Times of the right answers in milliseconds, in ascending order, from when each call was due. */
  times: number[];
  /** How often each failure happened. */
  failures: Map<string, number>;
}

/**
 * Makes a call whenever one is due, also when earlier ones wait for their answers.
 *
 * @param perSecond - Calls that are due in a second.
 */
export async function callSteadily(client: Client, count: number, perSecond: number): Promise<Calls> {
  const calls: Calls = { times: [], failures: new Map() };
  const request = createCallRequest(client, SLUGIFY.call);
  const idle: Connection[] = [];
  const begun = performance.now();
  const pending: Promise<void>[] = [];
  for (let made = 0; made < count; made += 1) {
    const due = begun + (made * 1000) / perSecond;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    const id = FIRST_ID + 1 + made;
    // The next call is written to the same buffer, perhaps before this one is sent.
    pending.push(call(client.port, idle, Buffer.from(request(id)), id, due, calls));
  }
  await Promise.all(pending);
  for (const connection of idle) connection.close();
  calls.times.sort((a, b) => a - b);
  return calls;
}

async function call(
  port: number,
  idle: Connection[],
  request: Buffer,
  id: number,
  due: number,
  { times, failures }: Calls,
): Promise<void> {
  const connection = idle.pop() ?? createConnection(port);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${DEADLINE_MS / 1000} s`)), DEADLINE_MS);
  });
  const failed = (reason: string) => failures.set(reason, (failures.get(reason) ?? 0) + 1);
  try {
    const answer = await Promise.race([connection.send(request), late]);
    const problem = problemWith(answer, id, SLUGIFY.expected);
    if (problem === undefined) times.push(performance.now() - due);
    else failed(answer.status === 200 ? 'wrong answer' : `status ${answer.status}`);
    idle.push(connection);
  } catch (error) {
    connection.close();
    failed(error instanceof Error && error.message.startsWith('no answer') ? error.message : 'cut off');
  } finally {
    clearTimeout(timer);
  }
}
