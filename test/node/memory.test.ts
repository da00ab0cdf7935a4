/** What one principal can make the whole process hold, while another one is served. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { JSON_HEADERS, answerOf, modernRequest, openSession, rpc, type TestApp } from '../support/app.ts';
import { startHttpEntry } from '../support/process.ts';
import { remoteApp } from '../support/remote.ts';
import { linesOf, rawRequest } from '../wire/raw-http.ts';

const TOKENS = { flood: 'f'.repeat(32), bystander: 'b'.repeat(32) };
const CONNECTIONS = 20;
const CALLS_EACH = 30;
const ANSWER_CHARS = 800_000;
/** What the process may take on top of what it took at its start. Without the bounds it is more than twice as much. */
const BUDGET_BYTES = 300_000_000;

type Remote = Pick<TestApp, 'request'>;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Calls a tool as the bystander. */
async function bystand(app: Remote, name: string, args: Record<string, unknown>): Promise<string> {
  const response = await app.request(
    'POST',
    modernRequest('tools/call', { name, arguments: args }, { headers: bearer(TOKENS.bystander) }),
  );
  const { result } = await answerOf(response);
  assert.equal(response.status, 200);
  return result?.content?.[0]?.text ?? '';
}

/** Opens a connection that sends requests and reads nothing. Resolves when the first answer has arrived. */
async function pipeline(t: TestContext, url: string, requests: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
  t.after(() => socket.destroy());
  socket.write(requests);
  await once(socket, 'readable');
}

/** Half of the connections are of each era. */
async function flood(t: TestContext, app: Remote, url: string): Promise<void> {
  const session = await openSession(app, bearer(TOKENS.flood));
  const params = { name: 'large', arguments: { chars: ANSWER_CHARS } };
  const modern = (id: string) => modernRequest('tools/call', params, { id, headers: bearer(TOKENS.flood) });
  const legacy = (id: string) => ({ headers: session.headers, body: rpc('tools/call', params, id) });
  const callsOf = (connection: number) =>
    Array.from({ length: CALLS_EACH }, (_, index) => {
      const { headers, body } = (connection % 2 === 0 ? modern : legacy)(`${connection}-${index}`);
      return rawRequest({ headers: linesOf(headers), body: JSON.stringify(body) });
    });
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => pipeline(t, url, callsOf(index).join(''))));
}

const progressToken = 'x'.repeat(3_000_000);
const count = { name: 'count', arguments: { to: 40 }, _meta: { progressToken } };
const keys = Object.fromEntries(Array.from({ length: 280_000 }, (_, index) => [`k${index}`, 0]));
const COSTLY: [what: string, body: string][] = [
  ['a progress token of 3 MB', JSON.stringify(rpc('tools/call', count))],
  ['four million brackets', '['.repeat(2_000_000) + ']'.repeat(2_000_000)],
  ['280,000 keys', JSON.stringify(rpc('tools/call', { name: 'echo', arguments: keys }))],
];

async function refuseCostly(app: Remote): Promise<void> {
  const headers = { ...JSON_HEADERS, ...bearer(TOKENS.flood) };
  for (const [what, body] of [...COSTLY, ...COSTLY]) {
    assert.equal((await app.request('POST', { headers, body })).status, 400, what);
  }
}

test('holds its budget and serves a bystander while one principal asks for half a gigabyte that it never reads', async (t) => {
  const env = {
    MCP_AUTH_TOKENS: Object.entries(TOKENS)
      .map((entry) => entry.join(':'))
      .join(),
  };
  const { url } = await startHttpEntry(t, { entry: 'test/fixtures/large-answers.ts', env });
  const app = remoteApp(url);
  await bystand(app, 'echo', { text: 'warm' });
  const before = Number(await bystand(app, 'memory', {}));

  const attack = flood(t, app, url).then(() => refuseCostly(app));
  const progress = { isOver: false };
  void attack.finally(() => (progress.isOver = true)).catch(() => {});
  for (let call = 0; !progress.isOver; call += 1) {
    assert.equal(await bystand(app, 'echo', { text: `call ${call}` }), `call ${call}`);
  }
  const growth = Number(await bystand(app, 'memory', {})) - before;
  assert.ok(growth < BUDGET_BYTES, `${growth} bytes more than the ${before} at the start`);
});
