/** The context that a server is built for: the same over HTTP and stdio, in both eras, with sessions and without. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createNotifier, type CreateServer, type McpContext, type Notifier } from '../../src/tools.ts';
import { answerOf, initializeRequest, JSON_HEADERS, modernRequest, rpc } from '../support/app.ts';
import { fixture } from '../support/fixture.ts';
import { bearer, principalOf, sessionApp } from '../support/session-app.ts';
import { STDIO_ERAS, wireInProcess } from '../support/stdio-wire.ts';

const CALL = { name: 'tool', arguments: {} };
const IN_SESSION = { body: initializeRequest(), headers: JSON_HEADERS };
const STATELESS_CALL = { body: rpc('tools/call', CALL), headers: JSON_HEADERS };

/** Has a server built, and hands over what it was built for. */
type Way = (t: TestContext, createServer: CreateServer, notify: Notifier, token?: string) => Promise<void>;

const overHttp =
  (env: Record<string, string>, request: { headers: Record<string, string>; body: unknown }): Way =>
  async (_t, createServer, notify, token) => {
    const { app } = sessionApp({}, env, { createServer, notify });
    const headers = { ...request.headers, ...(token !== undefined && bearer(token)) };
    await answerOf(await app.request('POST', { ...request, headers }));
    await app.drain();
  };

const overStdio =
  (era: keyof typeof STDIO_ERAS): Way =>
  async (t, createServer, notify) => {
    const wire = wireInProcess(t, createServer, undefined, notify);
    for (const message of STDIO_ERAS[era].opening) wire.send(message);
    const call = STDIO_ERAS[era].request('tools/call', CALL);
    wire.send(call);
    await wire.answer(call);
  };

const WAYS: Record<string, { way: Way; era: 'legacy' | 'modern'; hasSession: boolean; caller?: 'local user' }> = {
  'in a session': { way: overHttp({}, IN_SESSION), era: 'legacy', hasSession: true },
  'of the 2025 revisions without sessions': {
    way: overHttp({ MCP_SESSIONS: 'stateless' }, STATELESS_CALL),
    era: 'legacy',
    hasSession: false,
  },
  'in 2026-07-28': { way: overHttp({}, modernRequest('tools/call', CALL)), era: 'modern', hasSession: false },
  'in 2026-07-28 without shortcuts': {
    way: overHttp({ MCP_SHORTCUTS: 'off' }, modernRequest('tools/call', CALL)),
    era: 'modern',
    hasSession: false,
  },
  'over stdio of the 2025 revisions': { way: overStdio(2025), era: 'legacy', hasSession: true, caller: 'local user' },
  'over stdio of 2026-07-28': { way: overStdio(2026), era: 'modern', hasSession: false, caller: 'local user' },
};

for (const [name, { way, era, hasSession, caller }] of Object.entries(WAYS)) {
  const build = async (t: TestContext, token?: string) => {
    const contexts: McpContext[] = [];
    const notify = createNotifier();
    const { createServer } = fixture({ tool: () => 1 });
    const watched: CreateServer = (context) => {
      contexts.push(context);
      return createServer(context);
    };
    await way(t, watched, notify, token);
    assert.ok(contexts.length > 0);
    return { contexts, notify };
  };

  test(`has the era, the session, notify, request states and state ${name}`, async (t) => {
    const { contexts, notify } = await build(t);
    for (const context of contexts) {
      assert.equal(context.era, era);
      assert.equal(typeof context.sessionId, hasSession ? 'string' : 'undefined');
      assert.equal(context.notify, notify);
      assert.equal(typeof context.requestState.verify, 'function');
      const { session } = context.state;
      if (hasSession) assert.equal(await session.get('nothing'), undefined);
      else await assert.rejects(session.get('nothing'), /^StateError: There is no session/);
    }
  });

  test(`has the caller ${name}, where there is one`, async (t) => {
    const { contexts } = await build(t);
    for (const context of contexts) assert.equal(context.caller?.subject, caller);
    if (caller !== undefined) return;
    const signedIn = await build(t, 'alice.1');
    for (const context of signedIn.contexts) {
      assert.deepEqual(context.caller, principalOf('alice.1'));
      assert.equal(context.authInfo?.token, 'alice.1');
    }
  });
}
