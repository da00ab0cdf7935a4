/**
 * Entry of the process that floods a server, started by the run `bystander`: as one principal, as fast as the server lets
 * it, until it is killed. It yields to the bystander, which shares its processor.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setPriority } from 'node:os';
import { SLUGIFY } from './calls.ts';
import { createConnection, shakeHands } from './connection.ts';
import type { FloodPlan, FloodReport } from './flood-plan.ts';
import {
  createCallRequest,
  FIRST_ID,
  httpRequest,
  initializeRequest,
  messageRequest,
  type Client,
} from './requests.ts';

const LOW_PRIORITY = 10;
/** Calls that a connection sends without reading an answer. */
const UNREAD_EACH = 30;
/** A flood whose connections have not all begun by then begins with those that have. */
const START_MS = 5000;
/** After a connection was refused or cut off. */
const RETRY_MS = 20;

setPriority(LOW_PRIORITY);
const [plan] = (await once(process, 'message')) as [FloodPlan];
const answers: Record<string, number> = {};
let nextId = FIRST_ID;

function count(what: string | number): void {
  answers[what] = (answers[what] ?? 0) + 1;
}
const pause = () => new Promise((resolve) => setTimeout(resolve, RETRY_MS));

/** A client of the flooding principal: in a session, or, where it gets none, without. */
async function openClient(token: string): Promise<Client> {
  const client: Client = { port: plan.port, era: plan.era, token };
  const connection = createConnection(plan.port);
  for (;;) {
    try {
      const opened = await shakeHands(connection, client);
      connection.close();
      return opened;
    } catch {
      count('no handshake');
      await pause();
    }
  }
}

/** What a client sends over and over, and reads the answers of. */
function requestsOf(client: Client): ((id: number) => Buffer)[] {
  if (plan.kind === 'sessions') return [() => initializeRequest(client)];
  if (plan.kind === 'calls') return [createCallRequest(client, SLUGIFY.call)];
  return costlyBodies(client).map((body) => () => body);
}

/** About 4 MB each: valid, valid, wrong in its arguments, and no message. */
function costlyBodies(client: Client): Buffer[] {
  const keys = Object.fromEntries(Array.from({ length: 280_000 }, (_, index) => [`k${index}`, 0]));
  const callWith = (params: Record<string, unknown>) =>
    messageRequest(client, { id: FIRST_ID, method: 'tools/call', params: { name: 'slugify', ...params } });
  return [
    callWith({ arguments: SLUGIFY.call.args, _meta: { progressToken: 'x'.repeat(4_000_000) } }),
    callWith({ arguments: { ...SLUGIFY.call.args, ...keys } }),
    callWith({ arguments: { text: 'x'.repeat(4_000_000) } }),
    httpRequest('POST', client, {}, '['.repeat(2_000_000) + ']'.repeat(2_000_000)),
  ];
}

async function send(token: string, started: () => void): Promise<never> {
  const client = plan.kind === 'sessions' ? { port: plan.port, era: plan.era, token } : await openClient(token);
  const requests = requestsOf(client);
  const connection = createConnection(plan.port);
  started();
  for (let turn = 0; ; turn += 1) {
    const request = requests[turn % requests.length];
    if (!request) throw new Error('There is nothing to send');
    try {
      count((await connection.send(request(++nextId))).status);
    } catch {
      count('cut off');
      await pause();
    }
  }
}

/** Asks for large answers and reads none, again whenever the server ends the connection. */
async function ignore(token: string, started: () => void): Promise<never> {
  const client = await openClient(token);
  const call = createCallRequest(client, { tool: 'large', args: {} });
  started();
  for (;;) {
    const calls = Buffer.concat(Array.from({ length: UNREAD_EACH }, () => Buffer.from(call(++nextId))));
    const socket = connect(plan.port, '127.0.0.1').on('error', () => {});
    socket.pause().write(calls);
    count('connections with unread answers');
    await once(socket, 'close').catch(() => {});
    await pause();
  }
}

const tokenOf = (index: number) => plan.tokens[index % plan.tokens.length] ?? '';
const flooding: Promise<never>[] = [];
const allStarted = Promise.all(
  Array.from({ length: plan.connections }, (_, index) => {
    return new Promise<void>((resolve) => {
      flooding.push((plan.kind === 'unread' ? ignore : send)(tokenOf(index), resolve));
    });
  }),
);
const report = (message: FloodReport) => void process.send?.(message);
process.on('message', () => report({ answers }));
process.once('disconnect', () => process.exit());
// Some may never get a handshake.
await Promise.race([allStarted, new Promise((resolve) => setTimeout(resolve, START_MS))]);
report({ begun: true });
await Promise.all(flooding);
