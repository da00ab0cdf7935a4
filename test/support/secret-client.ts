/**
 * A client that puts a different secret in each place where a client can put one, in all kinds of requests: those that are
 * answered, those that are refused, and those that fail. What the server says about them is then searched.
 */
import { initializeRequest, JSON_HEADERS, LATEST_LEGACY, MODERN, modernRequest, readStream, rpc } from './app.ts';
import type { Tool } from './fixture.ts';

/** Sends a request to the server that is tested. */
export type Send = (request: Request) => Promise<Response>;

/** A secret, and where it was. */
export interface Secret {
  text: string;
  where: string;
  /** The number of its request. */
  request: number;
  /** Whether the answer to its own request may contain it: the body's values, which tools may return. */
  mayReturn: boolean;
}

/** What was sent, and what came back. */
export interface SecretTraffic {
  secrets: Secret[];
  answers: { what: string; request: number; status: number; text: string }[];
}

/** The tools that the client calls. */
export const SECRETIVE_TOOLS: Record<string, Tool> = {
  echo: ({ args }) => args,
  fail: ({ args }) => {
    throw new Error(String(args['text']));
  },
  report: async ({ args, context: { mcpReq } }) => {
    const progressToken = mcpReq._meta?.progressToken ?? '';
    await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
    await mcpReq.log('error', args['text']);
    return args;
  },
  wait: async ({ context: { mcpReq } }) => {
    await mcpReq.notify({ method: 'notifications/progress', params: { progressToken: 'wait', progress: 1 } });
    await new Promise<void>((resolve) => mcpReq.signal.addEventListener('abort', () => resolve()));
  },
};

/** Makes the secrets of one request. */
interface Making {
  /** A secret that must not come back at all. */
  hidden: (where: string) => string;
  /** A secret that may come back in the answer to this request. */
  spoken: (where: string) => string;
}

interface Sent {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  /** A string is sent as it is; anything else as JSON. */
  body?: unknown;
}

const ORIGIN = 'http://127.0.0.1:3000';

/**
 * Sends them all.
 *
 * @param token - A token that the server accepts. It counts as a secret.
 */
export async function sendSecrets(send: Send, token = 'token-that-nobody-has-given-out'): Promise<SecretTraffic> {
  const secrets: Secret[] = [{ text: token, where: 'the token', request: 0, mayReturn: false }];
  const answers: SecretTraffic['answers'] = [];
  const make = (where: string, request: number, mayReturn: boolean) => {
    // Of one length, so that none is the beginning of another, and in the characters of a host name.
    const text = `secret${String(secrets.length).padStart(5, '0')}q`;
    secrets.push({ text, where, request, mayReturn });
    return text;
  };

  async function exchange(what: string, describe: (making: Making) => Sent): Promise<Response> {
    const request = answers.length + 1;
    const hidden = (where: string) => make(`${where} of ${what}`, request, false);
    const spoken = (where: string) => make(`${where} of ${what}`, request, true);
    const { method = 'POST', path = '/mcp', headers = {}, body } = describe({ hidden, spoken });
    const init: RequestInit = { method, headers: { ...commonHeaders(hidden, token), ...headers } };
    if (body !== undefined) init.body = typeof body === 'string' ? body : JSON.stringify(body);
    const url = `${ORIGIN}${path}${path.includes('?') ? '&' : '?'}key=${hidden('the query')}`;
    const response = await send(new Request(url, init));
    const told = [...response.headers].map((header) => header.join(': '));
    const answer = { what, request, status: response.status, text: told.join('\n') };
    answers.push(answer);
    answer.text += await textOf(response);
    return response;
  }

  for (const [what, describe] of REFUSED) await exchange(what, describe);
  for (const [what, describe] of MODERN_REQUESTS) await exchange(`${what} in 2026-07-28`, describe);
  const opened = await exchange('initialize', ({ spoken }) => ({
    headers: JSON_HEADERS,
    body: {
      ...initializeRequest({ experimental: { key: { value: spoken('a capability') } } }),
      id: spoken('the id'),
    },
  }));
  const sessionId = opened.headers.get('mcp-session-id');
  // Its own answers have it; the log must not.
  if (sessionId !== null) secrets.push({ text: sessionId, where: 'the id of a session', request: -1, mayReturn: true });
  const inSession = {
    ...JSON_HEADERS,
    'mcp-protocol-version': LATEST_LEGACY,
    ...(sessionId !== null && { 'mcp-session-id': sessionId }),
  };
  for (const [what, describe] of LEGACY_REQUESTS) {
    await exchange(`${what} of the 2025 revisions`, (making) => {
      const { headers, ...sent } = describe(making);
      return { ...sent, headers: { ...inSession, ...headers } };
    });
  }
  return { secrets, answers };
}

/** Where secrets have come through in `texts`, such as lines of a log, that must have none. */
export function leaksIn({ secrets }: SecretTraffic, texts: readonly string[]): string[] {
  const all = texts.join('\n').toLowerCase();
  return secrets.filter(({ text }) => all.includes(text.toLowerCase())).map(({ where }) => where);
}

/** Which answers have secrets that do not belong there: those of other requests, and those that nobody may return. */
export function leakingAnswers({ secrets, answers }: SecretTraffic): string[] {
  return answers.flatMap(({ what, request, text }) => {
    const lower = text.toLowerCase();
    const mayHave = (secret: Secret) => secret.mayReturn && (secret.request === request || secret.request === -1);
    const leaks = secrets.filter((secret) => lower.includes(secret.text.toLowerCase()) && !mayHave(secret));
    return leaks.map(({ where }) => `${where}, in the answer to ${what}`);
  });
}

function commonHeaders(hidden: Making['hidden'], token: string): Record<string, string> {
  return {
    host: '127.0.0.1:3000',
    authorization: `Bearer ${token}`,
    cookie: `session=${hidden('the cookie')}`,
    'x-api-key': hidden('X-Api-Key'),
    'x-request-id': hidden('X-Request-Id'),
    'x-forwarded-for': hidden('X-Forwarded-For'),
    'user-agent': hidden('User-Agent'),
    referer: `https://${hidden('Referer')}.example/`,
    'mcp-param-key': hidden('Mcp-Param-Key'),
    baggage: `key=${hidden('baggage')}`,
  };
}

/** The text of an answer: of a stream that stays open, what comes first. */
async function textOf(response: Response): Promise<string> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response.text();
  const stream = readStream(response);
  try {
    for (let events = 0; events < MAX_EVENTS; events += 1) {
      const { message } = await stream.next();
      const isLast = message === undefined || 'result' in message || 'error' in message;
      if (isLast || OPEN_STREAM.test(stream.text)) break;
    }
  } catch {
    // It has ended.
  }
  await stream.cancel();
  return stream.text;
}

/** More than any of these streams has. */
const MAX_EVENTS = 10;
/** What the streams say first that have no end of their own. */
const OPEN_STREAM = /notifications\/subscriptions\/acknowledged|"progressToken":"wait"/;

type Kinds = readonly (readonly [what: string, describe: (making: Making) => Sent])[];

const BROKEN_TEXT = (text: string) => `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"key":"${text}"`;
const call = rpc('tools/call', { name: 'echo', arguments: {} });

/** Requests that are refused before they reach a server. */
const REFUSED: Kinds = [
  ['a bad token', ({ hidden }) => ({ headers: { ...JSON_HEADERS, authorization: `Bearer ${hidden('the token')}` } })],
  [
    'a token of another issuer',
    ({ hidden }) => {
      const header = base64url({ alg: 'RS256', typ: 'at+jwt', kid: hidden('the key id') });
      const claims = base64url({ iss: hidden('iss'), sub: hidden('sub'), aud: hidden('aud'), jti: hidden('jti') });
      const token = `${header}.${claims}.${hidden('the signature')}`;
      return { headers: { ...JSON_HEADERS, authorization: `Bearer ${token}` } };
    },
  ],
  [
    'two tokens',
    ({ hidden }) => ({
      headers: { ...JSON_HEADERS, authorization: `Bearer ${hidden('one token')}, Bearer ${hidden('the other token')}` },
    }),
  ],
  ['a password', ({ hidden }) => ({ headers: { ...JSON_HEADERS, authorization: `Basic ${hidden('the password')}` } })],
  ['a token in the URL', ({ hidden }) => ({ path: `/mcp?access_token=${hidden('the URL')}`, headers: JSON_HEADERS })],
  ['another host', ({ hidden }) => ({ headers: { ...JSON_HEADERS, host: `${hidden('Host')}.example` } })],
  ['a malformed host', ({ hidden }) => ({ headers: { ...JSON_HEADERS, host: `${hidden('Host')}:x@y` } })],
  ['another origin', ({ hidden }) => ({ headers: { ...JSON_HEADERS, origin: `https://${hidden('Origin')}.example` } })],
  ['a malformed origin', ({ hidden }) => ({ headers: { ...JSON_HEADERS, origin: hidden('Origin') } })],
  [
    'a preflight',
    ({ hidden, spoken }) => ({
      method: 'OPTIONS',
      headers: {
        origin: 'http://localhost:1234',
        'access-control-request-method': hidden('Access-Control-Request-Method'),
        'access-control-request-headers': spoken('Access-Control-Request-Headers'),
      },
    }),
  ],
  ['another path', ({ hidden }) => ({ path: `/${hidden('the path')}` })],
  ['a path below /mcp', ({ hidden }) => ({ path: `/mcp/${hidden('the path')}` })],
  ['a well-known path', ({ hidden }) => ({ method: 'GET', path: `/.well-known/${hidden('the path')}` })],
  ['a registration', ({ hidden }) => ({ path: '/register', headers: JSON_HEADERS, body: { name: hidden('a name') } })],
  ['a health check', () => ({ method: 'GET', path: '/readyz' })],
  ['another method', ({ hidden }) => ({ method: 'PUT', headers: JSON_HEADERS, body: hidden('the body') })],
  ['no JSON', ({ hidden }) => ({ headers: JSON_HEADERS, body: BROKEN_TEXT(hidden('the body')) })],
  ['no JSON-RPC', ({ hidden }) => ({ headers: JSON_HEADERS, body: { key: hidden('the body') } })],
  ['an empty batch', () => ({ headers: JSON_HEADERS, body: [] })],
  ['a batch of texts', ({ hidden }) => ({ headers: JSON_HEADERS, body: [hidden('the batch')] })],
  [
    'a body that is nested deeply',
    ({ hidden, spoken }) => ({
      headers: JSON_HEADERS,
      body: { ...call, id: spoken('the id'), params: nested(hidden('the body'), 300) },
    }),
  ],
  [
    'a body that is too large',
    ({ hidden }) => ({ headers: JSON_HEADERS, body: { ...call, params: hidden('the body').repeat(400_000) } }),
  ],
  ['another type', ({ hidden }) => ({ headers: { ...JSON_HEADERS, 'content-type': `text/${hidden('the type')}` } })],
  [
    'another charset',
    ({ hidden }) => ({ headers: { ...JSON_HEADERS, 'content-type': `application/json;charset=${hidden('charset')}` } }),
  ],
  ['an encoding', ({ hidden }) => ({ headers: { ...JSON_HEADERS, 'content-encoding': hidden('the encoding') } })],
  ['an Accept header', ({ hidden }) => ({ headers: { ...JSON_HEADERS, accept: `text/${hidden('Accept')}` } })],
  ...(['POST', 'GET', 'DELETE'] as const).map((method): Kinds[number] => [
    `a ${method} in an unknown session`,
    ({ hidden }) => ({
      method,
      headers: {
        ...JSON_HEADERS,
        'mcp-session-id': hidden('Mcp-Session-Id'),
        'last-event-id': hidden('Last-Event-ID'),
      },
      ...(method === 'POST' && { body: call }),
    }),
  ]),
];

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function nested(value: unknown, levels: number): unknown {
  return levels === 0 ? value : [nested(value, levels - 1)];
}

/** The parameters of a request, with secrets. */
function params({ spoken }: Making, more: Record<string, unknown> = {}) {
  const _meta = { progressToken: spoken('the progress token'), 'example.com/key': spoken('_meta') };
  return { key: spoken('a parameter'), ...more, _meta };
}

/** Methods, and what they need besides secrets. Each of them exists in both eras. */
const CALLS: Record<string, (making: Making) => { method: string; params: Record<string, unknown> }> = {
  'a list': (making) => ({ method: 'tools/list', params: params(making, { cursor: making.spoken('the cursor') }) }),
  ...Object.fromEntries(
    ['echo', 'fail', 'report', 'wait', 'unknown'].map((name) => [
      `a call of ${name}`,
      (making: Making) => ({
        method: 'tools/call',
        params: params(making, { name, arguments: { text: making.spoken('an argument') } }),
      }),
    ]),
  ),
  'a call without a name': (making) => ({
    method: 'tools/call',
    params: params(making, { arguments: { text: making.spoken('an argument') } }),
  }),
  'an unknown resource': (making) => ({
    method: 'resources/read',
    params: params(making, { uri: `secret://${making.spoken('the URI')}` }),
  }),
  'an unknown prompt': (making) => ({
    method: 'prompts/get',
    params: params(making, { name: making.spoken('the name'), arguments: { key: making.spoken('an argument') } }),
  }),
  'an unknown method': (making) => ({ method: 'unknown/method', params: params(making) }),
};

const MODERN_REQUESTS: Kinds = [
  ...Object.entries(CALLS).map(([what, describe]): Kinds[number] => [
    what,
    (making) => {
      const { method, params: own } = describe(making);
      return modernRequest(method, own, { id: making.spoken('the id') });
    },
  ]),
  [
    'a state that nobody has signed',
    (making) => {
      const answered = { requestState: making.spoken('requestState'), inputResponses: { key: making.spoken('input') } };
      return modernRequest('tools/call', params(making, { name: 'echo', arguments: {}, ...answered }));
    },
  ],
  [
    'a subscription',
    (making) => {
      const uris = [`secret://${making.spoken('the URI')}`];
      return modernRequest('subscriptions/listen', params(making, { notifications: { resourceSubscriptions: uris } }));
    },
  ],
  ...['mcp-method', 'mcp-name', 'mcp-protocol-version'].map((name): Kinds[number] => [
    `a wrong ${name}`,
    (making) =>
      modernRequest('tools/call', params(making, { name: 'echo', arguments: {} }), {
        headers: { [name]: making.spoken(name) },
      }),
  ]),
  [
    'a revision that does not exist',
    (making) => {
      const { headers, body } = modernRequest('tools/list', params(making));
      const revision = making.spoken('the revision');
      const text = JSON.stringify(body).replaceAll(MODERN, revision);
      return { headers: { ...headers, 'mcp-protocol-version': revision }, body: text };
    },
  ],
];

const notice = (method: string, own: Record<string, unknown>) => ({ jsonrpc: '2.0', method, params: own });

const LEGACY_REQUESTS: Kinds = [
  ['initialized', (making) => ({ body: notice('notifications/initialized', params(making)) })],
  ...Object.entries(CALLS).map(([what, describe]): Kinds[number] => [
    what,
    (making) => {
      const { method, params: own } = describe(making);
      return { body: rpc(method, own, making.spoken('the id')) };
    },
  ]),
  [
    'a batch',
    (making) => ({
      body: [rpc('tools/list', params(making), making.spoken('an id')), notice('notifications/x', params(making))],
    }),
  ],
  ['a log level', (making) => ({ body: rpc('logging/setLevel', { level: making.spoken('the level') }) })],
  [
    'an answer to nothing',
    ({ hidden }) => ({ body: { jsonrpc: '2.0', id: hidden('the id'), result: { key: hidden('the result') } } }),
  ],
  [
    'an error to nothing',
    ({ hidden }) => ({
      body: { jsonrpc: '2.0', id: hidden('the id'), error: { code: 1, message: hidden('the message') } },
    }),
  ],
  [
    'progress of nothing',
    ({ hidden }) => ({
      body: notice('notifications/progress', {
        progressToken: hidden('the token'),
        progress: 1,
        message: hidden('it'),
      }),
    }),
  ],
  [
    'malformed progress',
    ({ hidden }) => ({ body: notice('notifications/progress', { progress: hidden('the progress') }) }),
  ],
  [
    'the cancellation of nothing',
    ({ hidden }) => ({
      body: notice('notifications/cancelled', { requestId: hidden('the id'), reason: hidden('the reason') }),
    }),
  ],
  [
    'a malformed cancellation',
    ({ hidden }) => ({ body: notice('notifications/cancelled', { requestId: { key: hidden('it') } }) }),
  ],
  ['another initialize', (making) => ({ body: rpc('initialize', params(making), making.spoken('the id')) })],
  [
    'a revision that does not exist',
    ({ spoken }) => ({ headers: { 'mcp-protocol-version': spoken('MCP-Protocol-Version') }, body: call }),
  ],
  [
    'a stream after an event that nobody knows',
    ({ hidden }) => ({ method: 'GET', headers: { 'last-event-id': hidden('Last-Event-ID') } }),
  ],
  ['the end', () => ({ method: 'DELETE' })],
  ['a call after the end', (making) => ({ body: rpc('tools/call', params(making), making.spoken('the id')) })],
];
