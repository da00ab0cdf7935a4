/**
 * What a client really sends: a copy of its bytes, taken on the way to the server.
 *
 * A client may say that it negotiates and then speak an older revision; the matrix holds what it spoke.
 */
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Era, Stage } from './client.ts';

const LOOPBACK = '127.0.0.1';
const STDIO_TAP = fileURLToPath(new URL('stdio-tap.mjs', import.meta.url));

/** A way to the server that is watched. */
export interface Tap {
  sent: () => string;
}

/**
 * Opens a port in front of an endpoint, and passes all bytes on.
 *
 * @param endpoint - The endpoint's URL, or a function that starts it and is told the URL that clients use.
 */
export async function tapHttp(
  t: TestContext,
  endpoint: string | ((url: string) => Promise<string>),
): Promise<Tap & { url: string }> {
  let target: URL | undefined;
  const sockets = new Set<Socket>();
  const chunks: Buffer[] = [];
  const tap = createServer((client) => {
    const server = connect(Number(target?.port), LOOPBACK);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      // A connection that breaks on one side is broken on the other, too.
      socket.on('error', () => other.destroy()).on('close', () => sockets.delete(socket));
    }
    client.on('data', (chunk) => chunks.push(chunk));
    client.pipe(server).pipe(client);
  });
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    tap.close();
    await once(tap, 'close');
  });
  tap.listen(0, LOOPBACK);
  await once(tap, 'listening');
  const url = `http://${LOOPBACK}:${(tap.address() as AddressInfo).port}/mcp`;
  target = new URL(typeof endpoint === 'string' ? endpoint : await endpoint(url));
  return { url, sent: () => Buffer.concat(chunks).toString('latin1') };
}

/** A command that starts `src/stdio-server.ts` and copies its stdin to a file in `folder`. */
export function tapStdio(folder: string): Tap & { command: Stage['command'] } {
  const copy = join(folder, 'sent.jsonl');
  return {
    command: { command: process.execPath, args: [STDIO_TAP, copy] },
    sent: () => readFileSync(copy, { encoding: 'latin1', flag: 'a+' }),
  };
}

/**
 * The revision that a client settled on: the last one that it named, in `initialize` or in a request's
 * envelope. Before that it may have tried another.
 */
export function revisionIn(sent: string): { era: Era; revision: string } | undefined {
  const [, envelope, revision] = [...sent.matchAll(/"(io\.modelcontextprotocol\/)?protocolVersion": ?"([^"]+)"/g)].at(
    -1,
  ) ?? [undefined];
  return revision === undefined ? undefined : { era: envelope === undefined ? 'legacy' : 'modern', revision };
}
