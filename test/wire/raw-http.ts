/** HTTP/1.1 byte by byte: what no client library would send, and a strict parser for the answers. */
import { connect } from 'node:net';

export type Bytes = string | Buffer;

/** A request without fault that ends its connection. Its answer shows that the server saw where it begins. */
export const LAST = 'GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';

export interface RawRequest {
  /** @default 'POST /mcp HTTP/1.1' */
  line?: string;
  /** @default 'Host: 127.0.0.1' */
  host?: string;
  /** Header lines, as they are. */
  headers?: readonly string[];
  body?: string;
  /** What says where the body ends. @default its Content-Length */
  framing?: string;
}

/** The text of a request, with whatever is wrong in its parts. */
export function rawRequest({ line, host, headers = [], body = '', framing }: RawRequest): string {
  const head = [
    line ?? 'POST /mcp HTTP/1.1',
    host ?? 'Host: 127.0.0.1',
    ...headers,
    framing ?? `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${head.filter((text) => text !== '').join('\r\n')}\r\n\r\n${body}`;
}

/** Header lines. */
export function linesOf(headers: Record<string, string>): string[] {
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
}

/** A body in chunks of `size` bytes; `extension` follows each size. */
export function chunked(body: string, size = body.length, extension = ''): string {
  let text = '';
  for (let at = 0; at < body.length; at += size) {
    const part = body.slice(at, at + size);
    text += `${part.length.toString(16)}${extension}\r\n${part}\r\n`;
  }
  return `${text}0\r\n\r\n`;
}

/** One HTTP response as it stood on the wire. */
export interface RawAnswer {
  status: number;
  /** Names in lower case; a repeated header is joined with a comma. */
  headers: Map<string, string>;
  body: string;
  /** Whether its end came before the connection's. */
  complete: boolean;
}

/** What came of a connection. */
export interface Exchange {
  answers: RawAnswer[];
  /** Bytes that belong to no answer. */
  rest: Buffer;
  /** Whether the server ended the connection. */
  closedByServer: boolean;
}

export interface ExchangeOptions {
  /** Sent one after another, with `pause` between them. */
  pieces: readonly Bytes[];
  /** Resolves when the server has had the time to look at what it got; called after each piece. */
  pause: () => Promise<unknown>;
  /**
   * What follows: wait for the server to end the connection; or let it finish (FIN), or reset (RST), or leave.
   * @default 'wait'
   */
  end?: 'wait' | 'finish' | 'reset' | 'leave' | undefined;
  /** With `wait`: go away after so many complete answers, if the server has not ended the connection before. */
  answers?: number | undefined;
}

/** After that, a silent server counts as broken. It limits a failure and measures nothing. */
const DEADLINE_MS = 60_000;

/** Opens a connection, sends bytes, and reads all that comes. */
export async function exchange(port: number, options: ExchangeOptions): Promise<Exchange> {
  const { pieces, pause, end = 'wait', answers = Infinity } = options;
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const chunks: Buffer[] = [];
  let closedByServer = false;
  let leaving = false;
  let ended = () => {};
  const over = new Promise<void>((resolve) => (ended = resolve));
  const enough = () => Number.isFinite(answers) && completeAnswers(Buffer.concat(chunks)) >= answers;
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    if (enough()) ended();
  });
  // A server that refuses may reset while it is being sent to.
  socket.on('error', () => {});
  const serverEnds = () => {
    closedByServer ||= !leaving;
    ended();
  };
  socket.on('end', serverEnds);
  socket.on('close', serverEnds);

  for (const piece of pieces) {
    // The callback of a write is called even if the peer has gone.
    await new Promise((resolve) => socket.write(piece, resolve));
    if (pieces.length > 1 || end !== 'wait') await pause();
  }
  if (end === 'finish') socket.end();
  if (end === 'wait' || end === 'finish') await withDeadline(over, () => Buffer.concat(chunks));
  // Whatever comes too much comes now.
  if (end === 'wait' && !closedByServer) await pause();
  leaving = true;
  if (end === 'reset') socket.resetAndDestroy();
  else socket.destroy();
  return { ...readAnswers(Buffer.concat(chunks)), closedByServer };
}

function withDeadline(promise: Promise<void>, received: () => Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`The server neither answered nor ended the connection. It sent: ${received().toString()}`));
    }, DEADLINE_MS);
    void promise.then(resolve).finally(() => clearTimeout(timer));
  });
}

function completeAnswers(bytes: Buffer): number {
  return readAnswers(bytes).answers.filter(({ complete }) => complete).length;
}

/** Reads responses to requests other than HEAD. Interim ones (1xx) are passed over. */
export function readAnswers(bytes: Buffer): { answers: RawAnswer[]; rest: Buffer } {
  const answers: RawAnswer[] = [];
  let rest = bytes;
  for (;;) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd < 0) return { answers, rest };
    const [statusLine = '', ...lines] = rest.subarray(0, headEnd).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) return { answers, rest };
    const headers = new Map<string, string>();
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
      const known = headers.get(name.toLowerCase());
      headers.set(name.toLowerCase(), known === undefined ? value : `${known}, ${value}`);
    }
    const { body, length, complete } = readBody(rest.subarray(headEnd + 4), status, headers);
    rest = rest.subarray(headEnd + 4 + length);
    if (status >= 200) answers.push({ status, headers, body: body.toString(), complete });
  }
}

function readBody(bytes: Buffer, status: number, headers: Map<string, string>) {
  if (status < 200 || status === 204 || status === 304) return { body: Buffer.alloc(0), length: 0, complete: true };
  const declared = headers.get('content-length');
  if (declared !== undefined) {
    const length = Math.min(Number(declared), bytes.length);
    return { body: bytes.subarray(0, length), length, complete: length === Number(declared) };
  }
  if (headers.get('transfer-encoding') === 'chunked') return readChunks(bytes);
  // It ends with the connection.
  return { body: bytes, length: bytes.length, complete: headers.get('connection') === 'close' };
}

function readChunks(bytes: Buffer) {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = lineEnd < 0 ? NaN : Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16);
    const next = lineEnd + 2 + size + 2;
    if (Number.isNaN(size) || next > bytes.length) {
      return { body: Buffer.concat(parts), length: bytes.length, complete: false };
    }
    if (size === 0) return { body: Buffer.concat(parts), length: next, complete: true };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}
