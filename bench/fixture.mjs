/**
 * This project's compiled app, as `dist/http-server.js` serves it, for runs that need what no client can ask for:
 * more tools (`contenders/extra-tools.mjs`), notifications to every session, sessions by the thousand, events in the log.
 */
import { createApp } from '../dist/app.js';
import { systemClock } from '../dist/lib/clock.js';
import { loadConfig } from '../dist/config/config.js';
import { listen } from '../dist/node/listen.js';
import { readIncoming } from '../dist/node/read-incoming.js';
import { createMcpServer } from '../dist/mcp-server.js';
import { createMemoryEventLog } from '../dist/memory/memory-event-log.js';
import { createLogger } from '../dist/telemetry/log.js';
import * as z from 'zod';
import { extraTools } from './contenders/extra-tools.mjs';

const config = loadConfig(process.env);
const log = createLogger({ level: config.logLevel, write: (line) => process.stderr.write(`${line}\n`) });
const eventLog = createMemoryEventLog({ clock: systemClock });
/** Servers of sessions that have not been dropped. */
const servers = new Set();

const registered = extraTools.map(({ name, title, description, shape, outputShape, call }) => ({
  name,
  config: {
    title,
    description,
    inputSchema: z.object(shape),
    ...(outputShape && { outputSchema: z.object(outputShape) }),
  },
  call,
}));

function createServer(context) {
  const { era, calledTool } = context;
  const server = createMcpServer(context);
  for (const { name, config: tool, call } of registered) {
    if (calledTool === undefined || calledTool === name) server.registerTool(name, tool, (args) => call(args));
  }
  if (era === 'legacy' && process.env['BENCH_NOTIFY'] === '1') {
    servers.add(server);
    server.server.registerCapabilities({ tools: { listChanged: true } });
    server.server.onclose = () => servers.delete(server);
  }
  return server;
}

const app = createApp(createServer, { config, log, eventLog, readBody: readIncoming });
await listen(app, config);

const headers = {
  host: 'localhost',
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};
const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } },
};

async function post(message, more) {
  const init = { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(message) };
  const response = await app.fetch(new Request('http://localhost/mcp', init));
  await response.text();
  if (!response.ok) throw new Error(`A session could not be opened: ${response.status}`);
  return response;
}

/** What the bench may ask for besides usage. */
const commands = {
  async openSessions({ count }) {
    for (let opened = 0; opened < count; opened += 1) {
      const response = await post(initialize, {});
      const id = response.headers.get('mcp-session-id');
      await post({ jsonrpc: '2.0', method: 'notifications/initialized' }, { 'mcp-session-id': id });
    }
  },
  async logEvents({ count }) {
    const message = {
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: { level: 'info', data: 'x'.repeat(100) },
    };
    // As many for each session as the log keeps.
    for (let kept = 0; kept < count; kept += 1)
      await eventLog.append(`session-${kept >> 9}`, 'stream', JSON.stringify(message));
  },
  async notifyAll() {
    for (const server of servers) server.sendToolListChanged();
    return servers.size;
  },
};
process.on('message', (message) => {
  const command = commands[message?.ask];
  if (!command) return;
  command(message).then(
    (value) => process.send({ done: message.ask, value }),
    (error) => process.send({ done: message.ask, failed: String(error) }),
  );
});
