/** stdio without a process: a server in this process, as a transport for clients of both generations of the SDK. */
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { CreateServer, Notifier, OnSessionEnd } from '../../src/tools.ts';
import { wireInProcess } from './stdio-wire.ts';

/** What a tool module may export beside `createMcpServer`. */
export interface ModuleParts {
  notify?: Notifier;
  onSessionEnd?: OnSessionEnd;
}

/** Serves `createServer` on a pair of streams; both ends are closed with the test. */
export function stdioPipe(
  t: TestContext,
  createServer: CreateServer,
  { notify, ...parts }: ModuleParts = {},
): Transport {
  const wire = wireInProcess(t, createServer, undefined, notify, parts);
  const transport: Transport = {
    async start() {
      createInterface(wire.stdout).on('line', (line) => transport.onmessage?.(JSON.parse(line) as JSONRPCMessage));
    },
    send: async (message) => wire.send(message),
    async close() {
      wire.end();
      transport.onclose?.();
    },
  };
  return transport;
}
