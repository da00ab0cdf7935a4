/** GET streams of many sessions, held open by this process. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { openClient } from './connection.ts';
import { httpRequest } from './requests.ts';

/** Streams opened at a time. */
const AT_ONCE = 50;
const DEADLINE_MS = 60_000;
const EVENT_STREAM = /^HTTP\/1\.1 200 [^]*content-type: *text\/event-stream/i;

/** Open streams. */
export interface OpenStreams {
  /** Resolves when every stream has received `text` once more since the last call. */
  received(text: string): Promise<void>;
  close(): Promise<void>;
}

interface Stream {
  socket: Socket;
  received: string;
}

/**
 * Opens that many sessions, each with its GET stream.
 *
 * @throws If one of them is refused.
 */
export async function openStreams(port: number, count: number): Promise<OpenStreams> {
  const streams: Stream[] = [];
  let onData: (() => void) | undefined;
  const open = async () => {
    const { client, connection } = await openClient(port, 'session');
    connection.close();
    const socket = connect(port, '127.0.0.1');
    const stream: Stream = { socket, received: '' };
    socket.setEncoding('latin1').on('data', (text: string) => {
      stream.received += text;
      onData?.();
    });
    socket.on('error', () => {});
    socket.write(httpRequest('GET', client, {}));
    while (!stream.received.includes('\r\n\r\n')) await once(socket, 'data');
    if (!EVENT_STREAM.test(stream.received)) throw new Error(`GET got ${stream.received.slice(0, 200)}`);
    streams.push(stream);
  };
  let left = count;
  const worker = async () => {
    while (left-- > 0) await open();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));

  return {
    async received(text) {
      const waiting = new Set(streams);
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${waiting.size} did not receive ${text}`)), DEADLINE_MS);
        onData = () => {
          for (const stream of waiting) {
            if (!stream.received.includes(text)) break;
            stream.received = '';
            waiting.delete(stream);
          }
          if (waiting.size > 0) return;
          clearTimeout(timer);
          resolve();
        };
        onData();
      });
      onData = undefined;
    },
    async close() {
      const closed = streams.map(({ socket }) => once(socket, 'close'));
      for (const { socket } of streams) socket.destroy();
      await Promise.all(closed);
    },
  };
}
