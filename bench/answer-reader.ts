/**
 * Reads HTTP/1.1 answers from a socket, for the load generator: only what servers on Node.js send,
 * with as little work as possible, so that two cores measure the server and not its client.
 */

/** A complete answer. */
export interface Answer {
  status: number;
  /** The status line and the headers, as sent. */
  head: string;
  body: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);

type HeaderName = 'transfer-encoding' | 'content-length' | 'content-type' | 'connection' | 'mcp-session-id';
const HEADER: Record<HeaderName, RegExp> = {
  'transfer-encoding': /\r\ntransfer-encoding:[ \t]*([^\r]*)/i,
  'content-length': /\r\ncontent-length:[ \t]*([^\r]*)/i,
  'content-type': /\r\ncontent-type:[ \t]*([^\r]*)/i,
  connection: /\r\nconnection:[ \t]*([^\r]*)/i,
  'mcp-session-id': /\r\nmcp-session-id:[ \t]*([^\r]*)/i,
};

/** The value of a header in `head`, or `undefined`. */
export function headerOf(head: string, name: HeaderName): string | undefined {
  return HEADER[name].exec(head)?.[1];
}

/**
 * Makes a reader, which takes what the socket receives and calls back with each complete answer.
 *
 * @throws If it cannot read something; the connection is then unusable.
 */
export function createAnswerReader(onAnswer: (answer: Answer) => void): (chunk: Buffer) => void {
  let pending: Buffer = NOTHING;
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const read = readAnswer(pending);
      if (!read) return;
      pending = read.end === pending.length ? NOTHING : pending.subarray(read.end);
      onAnswer(read.answer);
      if (pending.length === 0) return;
    }
  };
}

function readAnswer(buffer: Buffer): { answer: Answer; end: number } | undefined {
  const headEnd = buffer.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  const head = buffer.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  if (!head.startsWith('HTTP/1.1 ') || !(status >= 200 && status <= 599)) throw new Error(`Unreadable: ${head}`);
  const start = headEnd + HEAD_END.length;
  // RFC 9112 section 6.3: chunked counts before a length; 204 has no body.
  if (headerOf(head, 'transfer-encoding')?.toLowerCase() === 'chunked') {
    const read = readChunks(buffer, start);
    return read && { answer: { status, head, body: read.body }, end: read.end };
  }
  const length = headerOf(head, 'content-length');
  if (length === undefined && status !== 204) throw new Error(`An answer that only its connection ends: ${head}`);
  const end = start + Number(length ?? 0);
  if (buffer.length < end) return undefined;
  return { answer: { status, head, body: buffer.subarray(start, end) }, end };
}

function readChunks(buffer: Buffer, start: number): { body: Buffer; end: number } | undefined {
  const parts: Buffer[] = [];
  let position = start;
  for (;;) {
    const lineEnd = buffer.indexOf(LINE_END, position);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(buffer.toString('latin1', position, lineEnd), 16);
    if (!(size >= 0)) throw new Error('Unreadable chunk');
    const data = lineEnd + LINE_END.length;
    position = data + size + LINE_END.length;
    if (buffer.length < position) return undefined;
    if (size === 0) return { body: parts.length === 1 ? (parts[0] ?? NOTHING) : Buffer.concat(parts), end: position };
    parts.push(buffer.subarray(data, data + size));
  }
}
