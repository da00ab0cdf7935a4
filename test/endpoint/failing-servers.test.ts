/** Servers that cannot be built or connected: each 500 has a line in the log that says why, whatever serves the request. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { McpServer, PerRequestHTTPServerTransport, requireScopes } from '@modelcontextprotocol/server';
import { McpServer as FirstVersion } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { CreateServer } from '../../src/tools.ts';
import { gate, initializeRequest, JSON_HEADERS, modernRequest, rpc, testApp } from '../support/app.ts';
import { STDIO_ERAS, wireInProcess } from '../support/stdio-wire.ts';
import { settled } from '../support/time.ts';
import { linesAt } from '../support/log-lines.ts';

const CALL = { name: 'tool', arguments: {} };

interface Way {
  env: Record<string, string>;
  request: { headers: Record<string, string>; body: unknown };
}
const WAYS: Record<string, Way> = {
  'in a session': { env: {}, request: { headers: JSON_HEADERS, body: initializeRequest() } },
  'without sessions': {
    env: { MCP_SESSIONS: 'stateless' },
    request: { headers: JSON_HEADERS, body: rpc('tools/call', CALL) },
  },
  'in a plain call of 2026-07-28': { env: { MCP_SHORTCUTS: 'on' }, request: modernRequest('tools/call', CALL) },
  'in a plain call of 2026-07-28 without shortcuts': {
    env: { MCP_SHORTCUTS: 'off' },
    request: modernRequest('tools/call', CALL),
  },
  'in another request of 2026-07-28': { env: {}, request: modernRequest('tools/list') },
};

function build(): McpServer {
  const server = new McpServer({ name: 'failing', version: '1.0.0' });
  server.registerTool('tool', {}, () => ({ content: [] }));
  return server;
}

class Unconnectable extends McpServer {
  override connect = () => Promise.reject(new Error('not today'));
}

const untyped = (value: unknown) => value as McpServer;
const FAILURES: Record<string, { createServer: CreateServer; why: RegExp }> = {
  'that createServer fails to build': {
    createServer: () => Promise.reject(new Error('no database')),
    why: /createMcpServer failed: Error: no database/,
  },
  'that is undefined': {
    createServer: () => untyped(undefined),
    why: /must return an McpServer, but returned undefined/,
  },
  'of the first version of the SDK': {
    createServer: () => untyped(new FirstVersion({ name: 'first', version: '1.0.0' })),
    why: /another copy of the SDK/,
  },
  'of another copy of the SDK': {
    createServer: () => untyped({ connect: async () => {}, close: async () => {} }),
    why: /another copy of the SDK/,
  },
  'that is in use': {
    createServer: async () => {
      const server = build();
      await server.connect(new PerRequestHTTPServerTransport({ classification: { era: 'legacy' } }));
      return server;
    },
    why: /it had returned before/,
  },
  'that refuses to connect': {
    createServer: () => new Unconnectable({ name: 'failing', version: '1.0.0' }),
    why: /not today/,
  },
  'whose low-level server refuses to connect': {
    createServer: () => {
      const server = build();
      server.server.connect = () => Promise.reject(new Error('not today'));
      return server;
    },
    why: /not today/,
  },
};

/** What errors and their reasons the log has. */
const errorsOf = (lines: readonly string[]) =>
  linesAt('error', lines).map(({ msg, error }) => `${msg} ${String(error)}`);

for (const [what, { createServer, why }] of Object.entries(FAILURES)) {
  for (const [where, { env, request }] of Object.entries(WAYS)) {
    test(`answers 500 to a server ${what} ${where}, and logs why`, async () => {
      const app = testApp(env, { createServer });
      assert.equal((await app.request('POST', request)).status, 500);
      const errors = errorsOf(app.lines);
      assert.equal(errors.length, 1, app.lines.join('\n'));
      assert.match(errors[0] ?? '', why);
    });
  }

  for (const [era, { opening }] of Object.entries(STDIO_ERAS)) {
    test(`answers -32603 to a server ${what} over stdio in ${era}, and says why on stderr`, async (t) => {
      const wire = wireInProcess(t, createServer);
      wire.send(opening[0]);
      await wire.match(/-32603/);
      // It is reported after the answer.
      await settled();
      assert.match(wire.errors.join('\n'), why);
    });
  }
}

for (const [where, { env, request }] of Object.entries(WAYS)) {
  if (where === 'in a session' || where === 'in another request of 2026-07-28') continue;
  test(`answers 500 to a call whose scopes cannot be found ${where}, and logs why`, async () => {
    const createServer = () => {
      const server = build();
      const scopeChallenge = Object.assign(() => Promise.reject(new Error('no scopes')), requireScopes('none'));
      server.registerTool('scoped', { scopeChallenge }, () => ({ content: [] }));
      return server;
    };
    const app = testApp(env, { createServer });
    const body = JSON.parse(JSON.stringify(request.body).replace('"tool"', '"scoped"')) as unknown;
    const headers = { ...request.headers, ...('mcp-name' in request.headers && { 'mcp-name': 'scoped' }) };
    assert.equal((await app.request('POST', { headers, body })).status, 500);
    assert.match(errorsOf(app.lines).join('\n'), /no scopes/);
  });

  test(`answers 500 to a server that closes during its call ${where}, and logs it`, async () => {
    const createServer = () => {
      const server = new McpServer({ name: 'failing', version: '1.0.0' });
      server.registerTool('tool', {}, async () => {
        await server.close();
        return { content: [] };
      });
      return server;
    };
    const app = testApp(env, { createServer });
    assert.equal((await app.request('POST', request)).status, 500);
    assert.match(errorsOf(app.lines).join('\n'), /closed before it had answered/);
  });
}

for (const [where, { env, request }] of Object.entries(WAYS)) {
  test(`logs no error if the client leaves before the server is built ${where}`, async () => {
    const building = gate();
    const createServer = async () => {
      await building.opened;
      return build();
    };
    const app = testApp(env, { createServer });
    const client = new AbortController();
    const response = app.request('POST', { ...request, signal: client.signal });
    await settled();
    client.abort();
    building.open();
    await response;
    assert.deepEqual(errorsOf(app.lines), []);
  });
}

for (const [what, { env, request }] of Object.entries(WAYS)) {
  if (what === 'in a session') continue;
  test(`answers 500 to a server that was closed after another request, ${what}: it may keep what that client said`, async () => {
    const shared = build();
    const app = testApp(env, { createServer: () => shared });
    const statuses = [];
    for (let client = 0; client < 2; client += 1) {
      const response = await app.request('POST', request);
      await response.text();
      await settled();
      statuses.push(response.status);
    }
    assert.deepEqual(statuses, [200, 500]);
    assert.match(app.lines.join('\n'), /it had returned before/);
  });
}
