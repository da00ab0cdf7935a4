/**
 * Bounds what one connection can make the process hold.
 *
 * HTTP/1.1 clients may send requests before they have the answers to earlier ones (pipelining). Node.js hands over all of
 * them at once, so a client that never reads could have hundreds of calls answered into memory. Here, requests beyond a
 * bound wait until earlier answers have been sent, and nothing more is read from the connection meanwhile, so that its end
 * is noticed only with the next answer. A client that accepts no bytes loses its connection, and sooner if all connections
 * together have too much to send. What one event stream may buffer is bounded in `streams/bounded-body.ts`.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createCallsInFlight, type CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';

/** Most requests of a connection that are worked on, or whose answers have not been sent: one leaves while the next is made. */
const MAX_UNANSWERED = 2;
/** How much may wait to be sent on a connection for another of its requests to be taken. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** How often connections are looked at, in milliseconds. */
const CHECK_MS = 1000;

/** Options for {@link createConnections}. */
export interface ConnectionsOptions {
  /** Answers a request. */
  listener: RequestListener;
  /** Whether answers close their connection: then one is not made while another is on its way. */
  isStopping: () => boolean;
  /** How long a client may accept no bytes although some wait for it, in milliseconds. */
  writeTimeoutMs: number;
  /** How much may wait to be sent on all connections. Beyond that, those that accept nothing are cut, the largest first. */
  maxUnsentBytes: number;
  clock: Pick<Clock, 'now' | 'every'>;
}

/** The connections of a server. */
export interface Connections {
  /** Takes a request: now, or when earlier requests of its connection have been answered. */
  take: RequestListener;
  /** Counts answers until they are sent, or cannot be sent any more. */
  readonly unsent: CallsInFlight;
  /** How many connections are kept for further requests, and have none at the moment. */
  readonly idle: number;
  /** When the last request arrived while the server was stopping, by the clock. `-Infinity` if none has. */
  readonly lastRequestAt: number;
  /** Stops watching for clients that accept nothing. */
  close(): void;
}

interface Connection {
  take: RequestListener;
  /** Whether all its requests have been answered, and it is not closing. */
  isIdle(): boolean;
  /** How much waits to be sent. */
  unsentBytes(): number;
  /** How long its client has accepted none of that, in milliseconds. */
  stalledMs(): number;
  cut(): void;
}

/** Makes the connections of a server. */
export function createConnections(options: ConnectionsOptions): Connections {
  const connections = new Map<Socket, Connection>();
  const unsent = createCallsInFlight();
  let lastRequestAt = -Infinity;
  const close = options.clock.every(CHECK_MS, () => cutStalled([...connections.values()], options));

  function connectionOf(socket: Socket): Connection {
    const known = connections.get(socket);
    if (known) return known;
    const connection = createConnection(socket, unsent, options);
    connections.set(socket, connection);
    socket.once('close', () => connections.delete(socket));
    return connection;
  }

  return {
    take(request, response) {
      if (options.isStopping()) lastRequestAt = options.clock.now();
      connectionOf(request.socket).take(request, response);
    },
    unsent,
    get idle() {
      return [...connections.values()].filter((connection) => connection.isIdle()).length;
    },
    get lastRequestAt() {
      return lastRequestAt;
    },
    close,
  };
}

function createConnection(
  socket: Socket,
  unsent: CallsInFlight,
  { listener, isStopping, clock }: ConnectionsOptions,
): Connection {
  const waiting: [IncomingMessage, ServerResponse][] = [];
  const unanswered = new Set<ServerResponse>();
  let stalled = { accepted: '', since: 0 };

  function isFull(): boolean {
    const most = isStopping() ? 1 : MAX_UNANSWERED;
    return unanswered.size >= most || unsentBytes(unanswered) >= MAX_UNSENT_BYTES;
  }

  function start(request: IncomingMessage, response: ServerResponse): void {
    const end = unsent.begin();
    unanswered.add(response);
    response.once('close', () => {
      unanswered.delete(response);
      end();
      startWaiting();
    });
    listener(request, response);
  }

  function startWaiting(): void {
    if (waiting.length === 0 || socket.destroyed) return;
    for (let next = waiting[0]; next && !isFull(); next = waiting[0]) {
      waiting.shift();
      start(...next);
    }
    if (waiting.length === 0) socket.resume();
  }

  // Node.js resumes a connection to read the body of a request, and after a pause of its own.
  socket.on('resume', () => {
    if (waiting.length > 0) socket.pause();
  });
  socket.once('close', () => {
    waiting.length = 0;
    // Node.js emits no `close` on answers that are queued behind another one.
    for (const response of unanswered) if (response.socket === null) response.destroy().emit('close');
  });

  return {
    take(request, response) {
      if (waiting.length === 0 && !isFull()) return start(request, response);
      waiting.push([request, response]);
      socket.pause();
    },
    isIdle: () => unanswered.size === 0 && waiting.length === 0 && !socket.writableEnded,
    unsentBytes: () => unsentBytes(unanswered),
    stalledMs() {
      const accepted = acceptedBytes(socket);
      if (socket.writableLength === 0 || accepted !== stalled.accepted) stalled = { accepted, since: clock.now() };
      return clock.now() - stalled.since;
    },
    cut: () => void socket.destroy(),
  };
}

/** Cuts connections whose clients have accepted nothing for too long, or at all while too much waits to be sent. */
function cutStalled(connections: Connection[], { writeTimeoutMs, maxUnsentBytes }: ConnectionsOptions): void {
  const waiting = connections.map((connection) => {
    const [bytes, stalledMs] = [connection.unsentBytes(), connection.stalledMs()];
    if (stalledMs >= writeTimeoutMs) connection.cut();
    return { connection, bytes, stalledMs };
  });
  let total = waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= maxUnsentBytes) return;
  for (const { connection, bytes, stalledMs } of waiting.toSorted((a, b) => b.bytes - a.bytes)) {
    if (total <= maxUnsentBytes) return;
    if (stalledMs === 0) continue;
    connection.cut();
    total -= bytes;
  }
}

function unsentBytes(responses: Iterable<ServerResponse>): number {
  let bytes = 0;
  for (const { writableLength } of responses) bytes += writableLength;
  return bytes;
}

/**
 * Changes as soon as the operating system takes a byte. A large write counts as a whole in `writableLength` until its end;
 * only the handle knows how much of it is left. `socket.setTimeout` looks there too, but it counts what we write as well.
 */
function acceptedBytes(socket: Socket): string {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return `${socket.bytesWritten - socket.writableLength} ${handle?.writeQueueSize}`;
}
