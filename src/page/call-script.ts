/**
 * The part of the page's script that speaks MCP: it sends one POST of 2026-07-28 to `/mcp` and reads the answer.
 *
 * It is text, because a function would not survive every loader and bundler as it was written, and the page's
 * Content-Security-Policy names its hash. A test compiles it with the types of the DOM.
 */

/** Plain JavaScript, for the module in the page. It uses nothing of the other parts. */
export const CALL_SCRIPT = String.raw`
const REVISION = '2026-07-28';
const endpoint = new URL('mcp', location.href);
/** The most of an answer that is shown, in characters. */
const MAX_SHOWN = 100_000;
let lastId = 0;
/** What the visitor has typed. It is kept nowhere else. */
let token = '';

/**
 * @typedef {Record<string, any>} Json
 * @typedef {{ sent: string, received: string, status: number, headers: Headers, message: Json | undefined }} Exchange
 */

/**
 * Sends a request, and resolves when its answer is complete. Rejects if there is none.
 *
 * @param {string} method
 * @param {Json} params
 * @param {{ headers?: Record<string, string>, signal?: AbortSignal, onprogress?: (params: Json) => void }} [options]
 * @returns {Promise<Exchange>}
 */
async function callServer(method, params, { headers = {}, signal, onprogress } = {}) {
  lastId += 1;
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientInfo': { name: 'connect-page', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
    ...(onprogress && { progressToken: lastId }),
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: lastId, method, params: { ...params, _meta } }, null, 2);
  /** @type {Record<string, string>} */
  const plain = {
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    'MCP-Protocol-Version': REVISION,
    'Mcp-Method': method,
    ...headers,
  };
  const withToken = (/** @type {string} */ text) => (token === '' ? plain : { ...plain, Authorization: 'Bearer ' + text });
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: withToken(token),
    body,
    ...(signal && { signal }),
  });
  const { text, message } = await readAnswer(response, onprogress);
  const status = 'HTTP ' + response.status;
  return {
    sent: ['POST ' + endpoint.href, ...linesOf(Object.entries(withToken('(your token)'))), '', body].join('\n'),
    received: [status, ...linesOf([...response.headers]), '', text].join('\n').slice(0, MAX_SHOWN),
    status: response.status,
    headers: response.headers,
    message,
  };
}

/** @param {[string, string][]} headers */
function linesOf(headers) {
  return headers.map(([name, value]) => name + ': ' + value);
}

/**
 * Reads JSON, or the events of a stream.
 *
 * @param {Response} response
 * @param {((params: Json) => void)} [onprogress]
 * @returns {Promise<{ text: string, message: Json | undefined }>}
 */
async function readAnswer(response, onprogress) {
  const type = response.headers.get('content-type') ?? '';
  if (!type.startsWith('text/event-stream') || response.body === null) {
    const text = await response.text();
    const message = parsed(text);
    return { text: message ? JSON.stringify(message, null, 2) : text, message };
  }
  /** @type {Json | undefined} */
  let answer;
  let text = '';
  let rest = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { text, message: answer };
    if (text.length < MAX_SHOWN) text += value;
    const events = (rest + value).split('\n\n');
    rest = events.pop() ?? '';
    for (const message of events.map(messageOf)) {
      if (message?.method === 'notifications/progress') onprogress?.(message.params);
      else if (message && ('result' in message || 'error' in message)) answer = message;
    }
  }
}

/** @param {string} event */
function messageOf(event) {
  const data = event.split('\n').filter((line) => line.startsWith('data:'));
  return parsed(data.map((line) => line.slice(5)).join('\n'));
}

/**
 * @param {string} text
 * @returns {Json | undefined}
 */
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The tools that the caller sees. Stops at a bound. @returns {Promise<{ tools: Json[], exchange: Exchange }>} */
async function listTools() {
  /** @type {Json[]} */
  const tools = [];
  let exchange = await callServer('tools/list', {});
  for (let page = 1; page < 20 && exchange.message?.result; page += 1) {
    tools.push(...exchange.message.result.tools);
    const { nextCursor } = exchange.message.result;
    if (nextCursor === undefined) break;
    exchange = await callServer('tools/list', { cursor: nextCursor });
  }
  return { tools, exchange };
}

/**
 * The headers that mirror the body of a call: the name of the tool, and the parameters that declare one.
 *
 * @param {string} name
 * @param {Json} schema
 * @param {Json} args
 */
function callHeaders(name, schema, args) {
  /** @type {Record<string, string>} */
  const headers = { 'Mcp-Name': headerValue(name) };
  const visit = (/** @type {Json} */ { properties = {} }, /** @type {Json} */ values) => {
    for (const [key, property] of Object.entries(properties)) {
      const value = values?.[key];
      if (value === undefined || value === null || typeof property !== 'object') continue;
      const header = property['x-mcp-header'];
      if (typeof header === 'string') headers['Mcp-Param-' + header] = headerValue(String(value));
      else if (typeof value === 'object') visit(property, value);
    }
  };
  visit(schema, args);
  return headers;
}

/** A text in the form that a header can carry ("Value Encoding"). @param {string} text */
function headerValue(text) {
  const isPlain = /^[!-~](?:[ -~\t]*[!-~])?$/.test(text) && !/^=\?base64\?.*\?=$/.test(text);
  if (isPlain) return text;
  return '=?base64?' + btoa(String.fromCodePoint(...new TextEncoder().encode(text))) + '?=';
}
`;
