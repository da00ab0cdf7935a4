/**
 * Lines of JSON-RPC on stdin and stdout, read as strictly as the bodies of HTTP requests.
 *
 * The SDK's own transport does not answer a line that is not a message, ends the process after a line that is too long,
 * and drops the calls that are still running when stdin ends.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio
 */
import type { Readable, Writable } from 'node:stream';
import {
  isSpecType,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type RequestId,
  type Transport,
} from '@modelcontextprotocol/server';
import { parseMessages } from '../endpoint/read-message.ts';
import type { Clock } from '../lib/clock.ts';
import { bodyTooLargeResponse, notMessageResponse } from '../protocol/errors.ts';
import { jsonText, requestIdOf } from '../protocol/json.ts';

/** Longest line, like the default of MCP_MAX_BODY_BYTES. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
/** How long calls may go on after stdin has ended, in milliseconds. */
const LAST_CALLS_MS = 10_000;
const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/** Options for {@link StdioTransport}. */
export interface StdioTransportOptions {
  stdin: Readable;
  stdout: Writable;
  clock: Pick<Clock, 'after'>;
  /** Called when a request has got its result. @default nothing */
  onresult?: (request: JSONRPCRequest) => void;
}

/** The transport of a process: one client. */
export class StdioTransport implements Transport {
  onclose: Transport['onclose'];
  onerror: Transport['onerror'];
  onmessage: Transport['onmessage'];
  readonly #options: StdioTransportOptions;
  /** The beginning of a line whose end has not arrived. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  #isTooLong = false;
  #isFirst = true;
  /** Calls without an answer. */
  readonly #running = new Map<RequestId, JSONRPCRequest>();
  #cancelLastCalls: (() => void) | undefined;
  #hasEnded = false;
  #isClosed = false;

  constructor(options: StdioTransportOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { stdin, stdout } = this.#options;
    stdin.on('data', this.#read);
    stdin.on('error', (error) => this.onerror?.(error));
    for (const event of ['end', 'close']) stdin.on(event, this.#end);
    // The client has gone.
    stdout.on('error', (error) => {
      this.onerror?.(error);
      void this.close();
    });
  }

  /** The request of this id that has no answer yet. */
  running(id: RequestId): JSONRPCRequest | undefined {
    return this.#running.get(id);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#isClosed) throw new Error('The connection is closed');
    const answered = 'method' in message || message.id === undefined ? undefined : this.#running.get(message.id);
    // Before the client can know that it has worked.
    if (answered && 'result' in message) this.#options.onresult?.(answered);
    await this.#write(jsonText(message));
    if (answered) this.#settle(answered.id);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelLastCalls?.();
    this.#options.stdin.off('data', this.#read).pause();
    this.onclose?.();
  }

  readonly #read = (chunk: Buffer): void => {
    let begin = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, begin)) {
      this.#keep(chunk.subarray(begin, end));
      this.#takeLine();
      begin = end + 1;
    }
    this.#keep(chunk.subarray(begin));
  };

  #keep(part: Buffer): void {
    this.#restBytes += part.length;
    this.#isTooLong ||= this.#restBytes > MAX_LINE_BYTES;
    if (this.#isTooLong) this.#rest = [];
    else if (part.length > 0) this.#rest.push(part);
  }

  #takeLine(): void {
    const isTooLong = this.#isTooLong;
    let line = Buffer.concat(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    this.#isTooLong = false;
    if (this.#isFirst && line.indexOf(BYTE_ORDER_MARK) === 0) line = line.subarray(BYTE_ORDER_MARK.length);
    this.#isFirst = false;
    if (isTooLong) return this.#refuse(bodyTooLargeResponse(MAX_LINE_BYTES));
    if (line.toString('latin1').trim() === '') return;
    const parsed = parseMessages(line);
    if (parsed instanceof Response) return this.#refuse(parsed);
    if (isSpecType.JSONRPCMessage(parsed.body)) this.#receive(parsed.body);
    else this.#refuse(notMessageResponse(requestIdOf(parsed.body)));
  }

  #receive(message: JSONRPCMessage): void {
    if ('method' in message && 'id' in message) this.#running.set(message.id, message);
    try {
      this.onmessage?.(message);
    } catch (error) {
      this.onerror?.(error instanceof Error ? error : new Error(String(error)));
    }
    // A cancelled call is not answered.
    if (isSpecType.CancelledNotification(message)) this.#settle(message.params.requestId);
  }

  /** Answers a line that is not a message. */
  #refuse(response: Response): void {
    void response.text().then((text) => {
      const { error } = JSON.parse(text) as { error: { message: string } };
      this.onerror?.(new Error(error.message));
      return this.#write(text);
    });
  }

  #write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#options.stdout.write(`${text}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }

  #settle(id: RequestId | undefined): void {
    if (id !== undefined) this.#running.delete(id);
    if (this.#hasEnded && this.#running.size === 0) void this.close();
  }

  /** Closes once the calls that are running have their answers. */
  readonly #end = (): void => {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#restBytes > 0) this.#takeLine();
    if (this.#running.size === 0) void this.close();
    else this.#cancelLastCalls = this.#options.clock.after(LAST_CALLS_MS, () => void this.close());
  };
}
