import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  createLogger,
  LOG_LEVELS,
  withoutQuotes,
  type LogFields,
  type Logger,
  type Severity,
} from '../../src/telemetry/log.ts';
import { openLog, PrettyUnavailableError, type OpenLogOptions } from '../../src/telemetry/pino-log.ts';
import { logLines, type LogLine } from '../support/log-lines.ts';

const NO_TERMINAL = { isTerminal: false, hasColors: false };
const TERMINAL = { isTerminal: true, hasColors: true };

interface Written {
  log: Logger;
  /** What was written, without line feeds. */
  lines: string[];
}

/** The two loggers, whose lines must be the same. */
const LOGGERS: Record<string, (level: (typeof LOG_LEVELS)[number]) => Promise<Written>> = {
  'the logger of createApp': async (level) => {
    const lines: string[] = [];
    return { log: createLogger({ level, write: (line) => lines.push(line) }), lines };
  },
  pino: (level) => written({ level, terminal: NO_TERMINAL }),
};

async function written(options: OpenLogOptions): Promise<Written> {
  const lines: string[] = [];
  const write = (text: string) => {
    assert.ok(text.endsWith('\n'));
    lines.push(text.slice(0, -1));
  };
  return { log: await openLog({ ...options, write }), lines };
}

const WRITTEN = { debug: 4, info: 3, warn: 2, error: 1, silent: 0 };
const SEVERITIES: readonly Severity[] = ['debug', 'info', 'warn', 'error'];
/** What terminals or log readers take for a line's end or a command. JSON escapes the first line itself. */
const COMMANDS = [
  '\n',
  '\r',
  '\u001B[31mred',
  '\u007F\u0085\u009B',
  '\u2028\u2029',
  '\u061C\u200E\u200F\u202A\u202E\u2066\u2069',
];

for (const [name, make] of Object.entries(LOGGERS)) {
  describe(name, () => {
    async function lineOf(message: string, fields?: LogFields): Promise<{ text: string; line: LogLine }> {
      const { log, lines } = await make('info');
      log.info(message, fields);
      const [line, ...more] = logLines(lines);
      assert.ok(line && more.length === 0);
      return { text: lines[0] ?? '', line };
    }

    test('writes one line of JSON: level, time, fields and message, in this order', async () => {
      const { text } = await lineOf('session ended', { path: '/mcp', status: 204, last: true });
      const time = /"time":"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"/.exec(text)?.[1];
      assert.equal(
        text,
        `{"level":"info","time":"${time}","path":"/mcp","status":204,"last":true,"msg":"session ended"}`,
      );
    });

    for (const level of LOG_LEVELS) {
      test(`at level ${level} drops what is less severe, and says so beforehand`, async () => {
        const { log, lines } = await make(level);
        for (const severity of SEVERITIES) log[severity](severity);
        const expected = SEVERITIES.slice(4 - WRITTEN[level]);
        assert.deepEqual(
          logLines(lines).map((line) => [line.level, line.msg]),
          expected.map((severity) => [severity, severity]),
        );
        assert.deepEqual(
          SEVERITIES.filter((severity) => log.isLevelEnabled?.(severity)),
          expected,
        );
      });
    }

    test('leaves out what is undefined', async () => {
      assert.deepEqual(Object.keys((await lineOf('x', { a: undefined, b: 1 })).line), ['level', 'time', 'b', 'msg']);
    });

    for (const value of COMMANDS) {
      test(`escapes ${JSON.stringify(value)} in messages and values, which come back as they were`, async () => {
        for (const { text, line } of [await lineOf(value), await lineOf('x', { value })]) {
          assert.doesNotMatch(text, /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_C}]/u);
          assert.ok(line.msg === value || line['value'] === value);
        }
      });
    }

    test('lets neither a message nor a value forge a line or a field', async () => {
      const forged = 'x","level":"error","time":"2026"}\n{"level":"error","msg":"all is lost"}';
      for (const { line } of [await lineOf(forged), await lineOf('x', { value: forged })]) {
        assert.equal(line.level, 'info');
        assert.ok(line.msg === forged || line['value'] === forged);
      }
    });

    test('shortens a long value', async () => {
      const { text } = await lineOf('refused', { host: 'x'.repeat(100_000) });
      assert.ok(text.length < 1200);
    });
  });
}

test('createLogger takes the time that it is given', () => {
  const lines: string[] = [];
  createLogger({ level: 'info', write: (line) => lines.push(line), now: () => Date.UTC(2026, 10, 22, 12) }).info('x');
  assert.equal(logLines(lines)[0]?.time, '2026-11-22T12:00:00.000Z');
});

describe('openLog', () => {
  const missing = () => Promise.reject(Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' }));
  /** The line of a warning. */
  async function warned(options: Partial<OpenLogOptions>, value = '/mcp'): Promise<string> {
    const { log, lines } = await written({ level: 'info', ...options });
    log.warn('Host not allowed', { value });
    assert.equal(lines.length, 1);
    return lines[0] ?? '';
  }

  for (const [what, options] of [
    ['on a terminal', { terminal: { ...TERMINAL, hasColors: false } }],
    ['elsewhere, if it is asked to', { terminal: NO_TERMINAL, format: 'pretty' }],
  ] as const) {
    test(`writes lines for people ${what}`, async () => {
      assert.match(await warned(options), /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: Host not allowed \{"value":"\/mcp"\}$/);
    });
  }

  test('writes JSON on a terminal if it is asked to, or if pino-pretty is not installed', async () => {
    for (const options of [{ format: 'json' }, { loadPretty: missing }] as const)
      assert.equal(logLines([await warned({ terminal: TERMINAL, ...options })])[0]?.msg, 'Host not allowed');
  });

  test('refuses to write for people if pino-pretty is not installed, and says what to install', async () => {
    const opened = openLog({ level: 'info', format: 'pretty', terminal: NO_TERMINAL, loadPretty: missing });
    const message = 'LOG_FORMAT=pretty needs the package pino-pretty: npm install pino-pretty';
    await assert.rejects(opened, (error) => error instanceof PrettyUnavailableError && error.message === message);
    const broken = () => Promise.reject(new Error('broken'));
    await assert.rejects(openLog({ level: 'info', format: 'pretty', loadPretty: broken }), /^Error: broken$/);
  });

  for (const value of COMMANDS) {
    test(`lets ${JSON.stringify(value)} command no terminal`, async () => {
      assert.doesNotMatch(
        await warned({ terminal: { ...TERMINAL, hasColors: false } }, value),
        /[\p{Cc}\p{Zl}\p{Zp}]/u,
      );
    });
  }

  test('uses colours if the terminal has them', async () => {
    assert.ok((await warned({ terminal: TERMINAL })).includes('\u001B[33m'));
  });
});

for (const [message, left] of [
  ['Received a response for an unknown message ID: {"id":"secret"}', 'Received a response for an unknown message ID…'],
  ['Received a response for an unknown request id: secret', 'Received a response for an unknown request id…'],
  ["Mcp-Name header 'secret' does not match", 'Mcp-Name header…'],
  ['Unsupported protocol version (secret)', 'Unsupported protocol version…'],
  ['Uncaught error in notification handler: Error: secret', 'Uncaught error in notification handler…'],
  ['Failed to send response: TypeError: cyclic', 'Failed to send response: TypeError: cyclic'],
  ["Failed to send response: TypeError: 'secret'", 'Failed to send response: TypeError:…'],
  ['The call is over', 'The call is over'],
]) {
  test(`of ${JSON.stringify(message)} logs what the SDK says itself`, () => {
    assert.equal(withoutQuotes(new Error(message)), left);
  });
}
