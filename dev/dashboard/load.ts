/**
 * Clients of both eras for a while, some of whom do things wrong: `load.ts SECONDS URL…`. Each client of a session goes from node to
 * node.
 */
import { setTimeout } from 'node:timers/promises';

const [seconds = '60', ...urls] = process.argv.slice(2);
const end = Date.now() + Number(seconds) * 1000;
const MODERN = '2026-07-28';
const JSON_TYPES = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const TOOLS = ['lookup', 'lookup', 'lookup', 'remember', 'report', 'import'];
let requests = 0;

const urlOf = (n: number) => urls[n % urls.length] ?? '';
const toolOf = (n: number) => TOOLS[n % TOOLS.length] ?? '';

async function post(url: string, headers: Record<string, string>, body: object): Promise<Response> {
  requests += 1;
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...JSON_TYPES, ...headers },
    body: JSON.stringify(body),
  });
  await response.text();
  return response;
}

async function modernClient(first: number): Promise<void> {
  for (let n = first; Date.now() < end; n += 1) {
    const name = n % 23 === 0 ? 'no-such-tool' : toolOf(n);
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientInfo': { name: 'load', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const headers = { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': name };
    const params = { name, arguments: { n }, _meta };
    await post(urlOf(n), headers, { jsonrpc: '2.0', id: n, method: 'tools/call', params });
    await setTimeout(20 + (n % 30));
  }
}

async function session(first: number): Promise<void> {
  const clientInfo = { name: 'load', version: '1' };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
  const opened = await post(urlOf(first), {}, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
  const headers = {
    'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
    'mcp-protocol-version': '2025-11-25',
  };
  await post(urlOf(first), headers, { jsonrpc: '2.0', method: 'notifications/initialized' });
  await post(urlOf(first), headers, { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });
  const stream = new AbortController();
  const listening = { headers: { ...headers, accept: 'text/event-stream' }, signal: stream.signal };
  const open = fetch(urlOf(first), listening).then((response) => response.text());
  open.catch(() => {});
  for (let n = first; n < first + 60 && Date.now() < end; n += 1) {
    const call = { name: toolOf(n), arguments: { n } };
    await post(urlOf(n % 10 === 0 ? n + 1 : first), headers, {
      jsonrpc: '2.0',
      id: n + 2,
      method: 'tools/call',
      params: call,
    });
    await setTimeout(50 + (n % 50));
  }
  stream.abort();
  if (first % 3 > 0) await fetch(urlOf(first), { method: 'DELETE', headers });
}

async function sessions(first: number): Promise<void> {
  for (let n = first; Date.now() < end; n += 1) await session(n);
}

/** What a scanner and a stale client send. */
async function strangers(): Promise<void> {
  for (let n = 0; Date.now() < end; n += 1) {
    await post(urlOf(n), { origin: 'https://elsewhere.example' }, { jsonrpc: '2.0', id: n, method: 'ping' });
    await post(urlOf(n), { 'mcp-session-id': 'long-gone' }, { jsonrpc: '2.0', id: n, method: 'tools/list' });
    await setTimeout(700);
  }
}

const eight = Array.from({ length: 8 }, (_, index) => index);
await Promise.all([...eight.slice(0, 4).map(modernClient), ...eight.map((index) => sessions(index * 7)), strangers()]);
process.stdout.write(`${requests} requests\n`);
