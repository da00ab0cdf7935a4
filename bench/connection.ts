/** A client's connection: kept alive, one request at a time. */
import { connect, type Socket } from 'node:net';
import { createAnswerReader, headerOf, type Answer } from './answer-reader.ts';
import { messagesIn } from './answers.ts';
import { initializeRequest, messageRequest, type Client, type Era } from './requests.ts';

/** A connection. If the server closes it, the next request opens a new one, as in every HTTP client. */
export interface Connection {
  /** Sends a request and resolves to its answer; rejects when the connection breaks before that is whole. */
  send(request: Buffer): Promise<Answer>;
  close(): void;
}

interface Waiting {
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

/** Makes a connection to a port of this machine; it is opened by the first request. */
export function createConnection(port: number): Connection {
  let socket: Socket | undefined;
  let waiting: Waiting | undefined;

  function open(): Socket {
    const opened = connect(port, '127.0.0.1');
    opened.setNoDelay(true);
    const read = createAnswerReader((answer) => {
      const { resolve } = waiting ?? {};
      waiting = undefined;
      if (headerOf(answer.head, 'connection')?.toLowerCase() === 'close') end();
      resolve?.(answer);
    });
    opened.on('data', (chunk) => {
      try {
        read(chunk);
      } catch (error) {
        fail(error as Error);
      }
    });
    opened.on('error', fail);
    opened.on('close', () => {
      if (socket === opened) fail(new Error('The server closed the connection before it had answered'));
    });
    return opened;
  }

  function end(): void {
    socket?.destroy();
    socket = undefined;
  }

  function fail(error: Error): void {
    end();
    const { reject } = waiting ?? {};
    waiting = undefined;
    reject?.(error);
  }

  return {
    send(request) {
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket ??= open();
        socket.write(request);
      });
    },
    close: end,
  };
}

/**
 * Opens a client: the handshake of its era, on a connection of its own.
 *
 * @throws When the server does not take part in it.
 */
export async function openClient(port: number, era: Era): Promise<{ client: Client; connection: Connection }> {
  const connection = createConnection(port);
  const client: Client = { port, era };
  if (era === 'modern' || era === 'floor') return { client, connection };
  return { client: await shakeHands(connection, client), connection };
}

/** `initialize` and `notifications/initialized`; resolves to what the client knows then. */
export async function shakeHands(connection: Connection, { port, era, token }: Client): Promise<Client> {
  const known: Client = { port, era, ...(token !== undefined && { token }) };
  const answer = await connection.send(initializeRequest(known));
  const message = answer.status === 200 ? messagesIn(answer).find(({ result }) => result) : undefined;
  const version = message?.result?.['protocolVersion'];
  if (typeof version !== 'string') throw new Error(`initialize got ${answer.status}: ${answer.body.toString()}`);
  const sessionId = headerOf(answer.head, 'mcp-session-id');
  if (era === 'session' && sessionId === undefined) throw new Error('initialize got no session id');
  const client: Client = { ...known, version, sessionId: era === 'session' ? sessionId : undefined };
  const accepted = await connection.send(messageRequest(client, { method: 'notifications/initialized' }));
  if (accepted.status !== 202) throw new Error(`notifications/initialized got ${accepted.status}`);
  return client;
}
