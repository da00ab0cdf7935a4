/** Listens in on HTTP between curl and a server: it passes every byte on, and keeps it. One request for each connection, as curl does it. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** What a connection has carried so far. */
export interface Exchange {
  request: string;
  response: string;
}

/** A port that leads to a server. */
export interface Tap {
  readonly port: number;
  /** The connections that were opened since the last call, in their order. Those without a response are left out. */
  take(): Exchange[];
}

/** Opens a port that leads to the server on `target`, which need not listen yet. Closes it with the test. */
export async function startTap(t: TestContext, target: number): Promise<Tap> {
  const sockets = new Set<Socket>();
  let connections: { sent: Buffer[]; received: Buffer[] }[] = [];
  const copy = (from: Socket, to: Socket, kept: Buffer[]) => {
    sockets.add(from);
    from.on('data', (chunk) => {
      kept.push(chunk);
      to.write(chunk);
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroySoon();
    });
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    const connection: (typeof connections)[number] = { sent: [], received: [] };
    connections.push(connection);
    copy(client, upstream, connection.sent);
    copy(upstream, client, connection.received);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    take() {
      const taken = connections.map(({ sent, received }) => ({ request: textOf(sent), response: textOf(received) }));
      connections = [];
      return taken.filter(({ response }) => response !== '');
    },
  };
}

/** A message of HTTP/1.1, without the framing of its chunks. */
function textOf(parts: Buffer[]): string {
  const bytes = Buffer.concat(parts);
  const end = bytes.indexOf('\r\n\r\n') + 4;
  const head = bytes.subarray(0, end).toString();
  if (!/^transfer-encoding: chunked\r$/im.test(head)) return bytes.toString();
  const chunks: Buffer[] = [];
  for (let at = end; at < bytes.length;) {
    const begin = bytes.indexOf('\r\n', at) + 2;
    const size = Number.parseInt(bytes.subarray(at, begin).toString(), 16);
    chunks.push(bytes.subarray(begin, begin + size));
    at = begin + size + 2;
  }
  return head + Buffer.concat(chunks).toString();
}
