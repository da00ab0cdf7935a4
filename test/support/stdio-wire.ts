/** A stdio server's stdin and stdout, at the level of messages. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import type { TestContext } from 'node:test';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { connectStdio, type ConnectStdioOptions } from '../../src/stdio/serve-stdio.ts';
import { createNotifier, type CreateServer, type Notifier } from '../../src/tools.ts';
import { initializeRequest, modernRequest, rpc, type RpcAnswer } from './app.ts';
import type { EntryProcess } from './process.ts';
import { watchText } from './watch.ts';

/** What the clients of an era send before anything else, and their form of a request. */
export const STDIO_ERAS = {
  2025: {
    opening: [initializeRequest(), { jsonrpc: '2.0', method: 'notifications/initialized' }],
    request: rpc,
  },
  2026: {
    opening: [modernRequest('server/discover').body],
    request: (method: string, params?: Record<string, unknown>) => modernRequest(method, params).body,
  },
};

export interface StdioWire {
  /** Ends stdin. */
  end: () => void;
  /** What went wrong, as it is written to stderr. */
  readonly errors: readonly string[];
  /** Sends a message, or a string as it is. */
  send: (message: unknown) => void;
  /** Waits for `pattern` on stdout. */
  match: (pattern: RegExp) => Promise<RegExpExecArray>;
  /** Waits for the line that answers a request. */
  answer: (request: { id: string | number }) => Promise<RpcAnswer>;
  /** Every line so far; throws when one is not JSON. */
  messages: () => Record<string, unknown>[];
}

/** The wire to a process. */
export function wireTo(server: EntryProcess): StdioWire {
  return {
    ...createWire(
      (line) => server.writeLine(line),
      (pattern) => server.stdoutMatch(pattern),
      () => server.stdout,
    ),
    end: () => server.endStdin(),
    get errors() {
      return server.stderr.split('\n').filter(Boolean);
    },
  };
}

/** The wire to a server in this process, which is closed with the test. */
export function wireInProcess(
  t: TestContext,
  createServer: CreateServer,
  clock: Pick<Clock, 'after'> = systemClock,
  notify: Notifier = createNotifier(),
  parts: Pick<ConnectStdioOptions, 'onSessionEnd' | 'stateStore' | 'stateKeys'> = {},
): StdioWire & { hasClosed: () => boolean; sendUnended: (text: string) => void; stdout: PassThrough } {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const output = watchText(stdout);
  const errors: string[] = [];
  const onerror = ({ message }: Error) => void errors.push(message);
  const connection = connectStdio(createServer, { ...parts, stdin, stdout, clock, notify, onerror });
  t.after(() => connection.close());
  return {
    ...createWire(
      (line) => void stdin.write(`${line}\n`),
      (pattern) => output.match(pattern),
      () => output.text,
    ),
    end: () => void stdin.end(),
    errors,
    hasClosed: () => stdin.isPaused(),
    sendUnended: (text) => void stdin.write(text),
    stdout,
  };
}

function createWire(
  writeLine: (line: string) => void,
  match: StdioWire['match'],
  stdout: () => string,
): Omit<StdioWire, 'end' | 'errors'> {
  return {
    send: (message) => writeLine(typeof message === 'string' ? message : JSON.stringify(message)),
    match,
    async answer({ id }) {
      const [line] = await match(new RegExp(`^.*"id":${id}[,}].*\n`, 'm'));
      return JSON.parse(line) as RpcAnswer;
    },
    messages() {
      assert.equal(stdout().at(-1), '\n');
      const lines = stdout().slice(0, -1).split('\n');
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}
