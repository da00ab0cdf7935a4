/** The kinds of attack. Each makes an attack from a seed, carries it out, and says which answers are allowed. */
import { JSON_HEADERS, initializeRequest, modernRequest, rpc } from '../support/app.ts';
import type { Random } from '../support/random.ts';
import type { Wire, WireSession } from '../support/wire.ts';
import { answerFrom, type Answer } from './answer.ts';
import { hostileHeaderValue, mutatedBytes, mutatedMessage } from './mutations.ts';
import { LAST, chunked, exchange, linesOf, rawRequest, type Bytes, type ExchangeOptions } from './raw-http.ts';

/** What a case is made from. */
export interface CaseContext {
  wire: Wire;
  /** The attacker's session. */
  session: WireSession;
  random: Random;
  /** Records what is sent, for the report of a failure. */
  note: (input: Bytes) => void;
}

export interface Kind {
  name: string;
  /** The statuses that are allowed. The connection may also end without an answer, unless `count` is given. */
  statuses: readonly number[];
  /** How many answers are expected. @default any number */
  count?: number;
  attack: (context: CaseContext) => Promise<Answer[]>;
}

const TEXTS = ['Hello World', 'Grüße', '世界'];

type Message = { headers: Record<string, string>; body: unknown };

/** A valid message of a session. There are few ids, so that they collide. */
function legacyMessage(random: Random): unknown {
  const requestId = random.int(1, 5);
  const text = random.pick(TEXTS);
  return random.pick([
    () => rpc('tools/call', { name: 'echo', arguments: { text, suffix: '_' } }, requestId),
    () => rpc('tools/call', { name: 'count', arguments: { to: 3 }, _meta: { progressToken: 7 } }, requestId),
    () => rpc(random.pick(['tools/list', 'ping', 'resources/list', 'logging/setLevel']), {}, requestId),
    () => rpc('resources/subscribe', { uri: 'file:///x' }, requestId),
    () => ({ jsonrpc: '2.0', method: 'notifications/initialized' }),
    () => ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason: 'x' } }),
    () => ({ jsonrpc: '2.0', id: requestId, result: { roots: [] } }),
    () => ({ jsonrpc: '2.0', id: requestId, error: { code: -1, message: 'x', data: {} } }),
  ])();
}

function modernMessage(random: Random): Message {
  const text = random.pick(TEXTS);
  return random.pick([
    () => modernRequest('tools/call', { name: 'echo', arguments: { text } }),
    () => modernRequest('tools/call', { name: 'count', arguments: { to: 3 }, _meta: { progressToken: 'x' } }),
    () => modernRequest(random.pick(['tools/list', 'server/discover', 'ping', 'prompts/get']), { name: 'x' }),
    () => modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } }),
  ])();
}

/** A valid message of either era. */
function anyMessage({ random, session }: CaseContext): Message {
  const capabilities = { roots: { listChanged: true }, experimental: { x: {} } };
  return random.pick([
    () => ({ headers: { ...JSON_HEADERS }, body: initializeRequest(capabilities) }),
    () => modernMessage(random),
    () => ({ headers: { ...session.headers }, body: legacyMessage(random) }),
    () => ({ headers: { ...session.headers }, body: legacyMessage(random) }),
  ])();
}

function rawMessage(context: CaseContext, line?: string): string {
  const { headers, body } = anyMessage(context);
  return rawRequest({ ...(line && { line }), headers: linesOf(headers), body: JSON.stringify(body) });
}

/** Waits for two answers to the bystander: by then, everything sent before has been read. */
async function patience({ wire }: CaseContext): Promise<void> {
  await wire.assertWell();
  await wire.assertWell();
}

async function send(context: CaseContext, { headers }: Message, body: string): Promise<Answer> {
  context.note(body);
  return answerFrom(await context.wire.fetch('POST', headers, body), () => patience(context));
}

async function converse(context: CaseContext, options: Omit<ExchangeOptions, 'pause'>): Promise<Answer[]> {
  for (const piece of options.pieces) context.note(piece);
  const { answers } = await exchange(context.wire.port, { ...options, pause: () => context.wire.assertWell() });
  return answers.map(({ status, headers, body, complete }) => ({
    status,
    contentType: headers.get('content-type') ?? '',
    // A body that was cut off can be checked only if it is a stream, event by event.
    body: complete || headers.get('content-type') === 'text/event-stream' ? body : '',
  }));
}

/** Removes the answer to `LAST`, which must be there. */
function withoutLast(answers: Answer[]): Answer[] {
  const last = answers.pop();
  if (last?.status !== 200 || last.body !== 'ok') throw new Error(`The last answer is ${JSON.stringify(last)}`);
  return answers;
}

/** Statuses of requests that reach the app whole. */
const OF_THE_APP = [200, 202, 204, 400, 403, 404, 405, 406, 413, 415];
/** And of requests that Node.js may refuse first. */
const OF_NODE = [...OF_THE_APP, 408, 417, 431];

export const KINDS: readonly Kind[] = [
  {
    name: 'a message with something else in it',
    statuses: [200, 202, 400, 404, 413],
    count: 1,
    attack: async (context) => {
      const message = anyMessage(context);
      return [await send(context, message, mutatedMessage(context.random, message.body))];
    },
  },
  {
    name: 'a batch of anything',
    statuses: [200, 202, 400, 404, 413],
    count: 1,
    attack: async (context) => {
      const { random, session } = context;
      const strangeness = random.pick([1000, 50, 5]);
      const part = () => {
        // One modern or broken message gets the whole batch refused.
        if (random.int(1, strangeness) > 1) return JSON.stringify(legacyMessage(random));
        return mutatedMessage(random, anyMessage(context).body);
      };
      const parts = Array.from({ length: random.pick([0, 1, 2, 5, 20, 100, 101, 300]) }, part);
      return [await send(context, { headers: session.headers, body: undefined }, `[${parts.join(',')}]`)];
    },
  },
  {
    name: 'a request with headers that nobody expects',
    statuses: [...OF_THE_APP, 431],
    attack: async (context) => {
      const { random } = context;
      const names = ['Mcp-Session-Id', 'MCP-Protocol-Version', 'Accept', 'Content-Type', 'Origin', 'Last-Event-ID'];
      const more = ['Mcp-Method', 'Mcp-Name', 'Authorization', 'Access-Control-Request-Headers', 'X-Forwarded-Host'];
      const method = random.pick(['POST', 'POST', 'POST', 'GET', 'DELETE', 'OPTIONS']);
      const { headers, body } = anyMessage(context);
      for (let changes = random.int(1, 3); changes > 0; changes -= 1) {
        const name = random.pick([...names, ...more]).toLowerCase();
        headers[name] = hostileHeaderValue(random);
      }
      const request = { line: `${method} /mcp HTTP/1.1`, headers: linesOf(headers), body: JSON.stringify(body) };
      // A GET may open a stream, and nothing after it on this connection is answered.
      const pieces = [Buffer.from(rawRequest(request) + LAST, 'latin1')];
      return (await converse(context, { pieces, end: 'finish' })).filter(({ body: text }) => text !== 'ok');
    },
  },
  {
    name: 'a request with bytes changed',
    statuses: OF_NODE,
    attack: async (context) => {
      const { random } = context;
      const line = random.pick([
        undefined,
        undefined,
        'GET /mcp HTTP/1.1',
        'DELETE /mcp HTTP/1.0',
        'OPTIONS * HTTP/1.1',
      ]);
      const pieces = [mutatedBytes(random, rawMessage(context, line))];
      return converse(context, { pieces, end: random.pick(['finish', 'leave']) });
    },
  },
  {
    name: 'a body whose end is told in two ways',
    statuses: [400],
    count: 1,
    attack: async (context) => {
      const { random } = context;
      // A parser that believes the shorter length finds another request after it.
      const inner = rawRequest({ line: 'GET /livez HTTP/1.1', framing: '' });
      const length = random.int(0, inner.length);
      const te = random.pick(['chunked', 'Chunked', 'chunked, chunked', 'identity', 'x, chunked', 'chunked;q=1']);
      const framing = [`Content-Length: ${length}`, `Transfer-Encoding: ${te}`, `Content-Length: ${length + 1}`];
      const count = random.int(2, 3);
      const picked = random.int(0, 1) === 0 ? framing.slice(0, count) : framing.toReversed().slice(0, count);
      const body = `${chunked(inner, random.int(1, inner.length))}${inner}`;
      const headers = linesOf(anyMessage(context).headers);
      return converse(context, { pieces: [rawRequest({ headers, framing: picked.join('\r\n'), body }) + LAST] });
    },
  },
  {
    name: 'a connection that breaks off',
    statuses: [200, 202, 400, 404],
    attack: async (context) => {
      const { random } = context;
      const text = rawMessage(context);
      const end = random.int(0, text.length);
      const middle = random.int(0, end);
      const pieces = [text.slice(0, middle), text.slice(middle, end)];
      return converse(context, { pieces, end: random.pick(['finish', 'reset', 'leave']) });
    },
  },
  {
    name: 'sessions that there are not',
    statuses: [404],
    attack: async (context) => {
      const { random, session } = context;
      const requests = Array.from({ length: random.int(1, 30) }, () => {
        const guessed = Array.from({ length: 32 }, () => random.pick('0123456789abcdef'.split(''))).join('');
        const id = random.pick([guessed, session.id.slice(1), `${session.id}0`, session.id.toUpperCase() + 'x', '0']);
        const headers = linesOf({ ...session.headers, 'mcp-session-id': id });
        const line = `${random.pick(['POST', 'GET', 'DELETE'])} /mcp HTTP/1.1`;
        return rawRequest({ line, headers, body: JSON.stringify(rpc('ping')) });
      });
      return withoutLast(await converse(context, { pieces: [requests.join('') + LAST] }));
    },
  },
  {
    name: 'much at once in one session',
    statuses: [200, 202, 204, 400, 404],
    attack: async (context) => {
      const { random, wire } = context;
      const own = await wire.openSession();
      const request = (): string => {
        const kind = random.int(1, 10);
        if (kind > 3) return rawMessage({ ...context, session: own });
        const method = kind === 3 && random.int(1, 3) === 1 ? 'DELETE' : 'GET';
        const lastEventId = kind === 1 ? { 'last-event-id': hostileHeaderValue(random) } : {};
        const headers = { ...own.headers, accept: 'text/event-stream', ...lastEventId };
        return rawRequest({ line: `${method} /mcp HTTP/1.1`, headers: linesOf(headers), framing: '' });
      };
      const requests = Array.from({ length: random.int(2, 5) }, request);
      const end = random.pick(['finish', 'reset', 'leave'] as const);
      return (await Promise.all(requests.map((piece) => converse(context, { pieces: [piece], end })))).flat();
    },
  },
];
