import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMemorySessionStore } from '../../src/memory/memory-session-store.ts';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import { testApp, type TestAppOptions } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { fixture } from '../support/fixture.ts';
import { logLines } from '../support/log-lines.ts';
import { leakingAnswers, leaksIn, SECRETIVE_TOOLS, sendSecrets } from '../support/secret-client.ts';

const TOKEN = 'a-token-that-is-given-out-0123456789';
const LOGGED = { LOG_LEVEL: 'debug', MCP_LOG_REQUESTS: 'on' };
const OAUTH = { MCP_OAUTH_ISSUER: 'https://issuer.example', MCP_PUBLIC_URL: 'https://127.0.0.1:3000/mcp' };

interface Setting {
  env?: Record<string, string>;
  options?: TestAppOptions;
  /** Statuses that show that the requests have got as far as they should. */
  statuses: number[];
}

const store = createMemorySessionStore({ idleMs: 60_000, clock: manualClock() });
const unavailable = () => Promise.reject(new UnavailableError('The engine is unavailable'));

const SETTINGS: Record<string, Setting> = {
  'with sessions and tokens': {
    env: { MCP_AUTH_TOKENS: `alice:${TOKEN}` },
    statuses: [200, 202, 204, 400, 401, 403, 404, 405, 406, 413, 415],
  },
  'without the shortcuts around the SDK': { env: { MCP_SHORTCUTS: 'off' }, statuses: [200, 400, 404] },
  'without sessions': { env: { MCP_SESSIONS: 'stateless' }, statuses: [200, 202, 400, 405] },
  'with an authorization server that is unavailable': {
    env: OAUTH,
    options: { fetch: () => Promise.reject(new Error('ECONNREFUSED')) },
    statuses: [401, 503],
  },
  'with a rate limit': {
    env: { MCP_AUTH_TOKENS: `alice:${TOKEN}`, MCP_RATE_LIMIT: '1' },
    statuses: [401, 429],
  },
  'whose servers cannot be built': {
    options: { createServer: () => Promise.reject(new Error('no database')) },
    statuses: [500],
  },
  'whose authentication fails': {
    options: { authenticate: () => Promise.reject(new Error('no database')) },
    statuses: [500],
  },
  'whose sessions are unavailable': {
    options: { sessionStore: { ...store, create: unavailable, use: unavailable } },
    statuses: [200, 503],
  },
};

for (const [name, { env = {}, options = {}, statuses }] of Object.entries(SETTINGS)) {
  describe(`a server ${name}`, async () => {
    const { createServer } = fixture(SECRETIVE_TOOLS);
    const app = testApp({ ...LOGGED, ...env }, { createServer, ...options });
    const traffic = await sendSecrets(async (request) => app.fetch(request), TOKEN);
    const lines = logLines(app.lines);
    /** The lines that say how to allow what was refused, and so name it. */
    const isAdvice = ({ msg }: { msg: string }) => msg === 'Host not allowed' || msg === 'Origin not allowed';

    test('answers and refuses as it should', () => {
      const seen = new Set(traffic.answers.map(({ status }) => status));
      assert.deepEqual(
        statuses.filter((status) => !seen.has(status)),
        [],
      );
      assert.equal(lines.filter(({ msg }) => msg === 'request').length, traffic.answers.length - 1);
      assert.ok(traffic.secrets.length > 800);
    });

    test('logs no secret of a client', () => {
      const text = lines.filter((line) => !isAdvice(line)).map((line) => JSON.stringify(line));
      assert.deepEqual(leaksIn(traffic, text), []);
    });

    test('logs of a refused request no more than its Host or Origin', () => {
      const leaks = leaksIn(
        traffic,
        lines.filter(isAdvice).map((line) => JSON.stringify(line)),
      );
      assert.deepEqual(
        leaks.filter((where) => !/^(?:Host|Origin) of /.test(where)),
        [],
      );
    });

    test('answers nobody with the secrets of another request, and with none from headers', () => {
      assert.deepEqual(leakingAnswers(traffic), []);
    });
  });
}

test('a log that holds a secret is found out', async () => {
  const app = testApp({ LOG_LEVEL: 'debug' }, { createServer: fixture(SECRETIVE_TOOLS).createServer });
  const traffic = await sendSecrets(async (request) => app.fetch(request));
  const { text, where } = traffic.secrets.at(-1) ?? { text: '', where: '' };
  assert.deepEqual(leaksIn(traffic, [`x ${text.toUpperCase()} y`]), [where]);
  const [answer, other] = traffic.answers;
  assert.ok(answer && other);
  const before = leakingAnswers(traffic).length;
  answer.text += traffic.secrets.find(({ request }) => request === other.request)?.text ?? '';
  assert.equal(leakingAnswers(traffic).length, before + 1);
});
