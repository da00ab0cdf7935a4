import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger, LOG_LEVELS, type LogFields } from '../../src/telemetry/log.ts';

const NOW = Date.UTC(2026, 10, 22, 12);

/** The lines that a logger of `level` writes for one event of each severity. */
function linesAt(level: (typeof LOG_LEVELS)[number]): string[] {
  const lines: string[] = [];
  const log = createLogger({ level, write: (line) => lines.push(line), now: () => NOW });
  for (const severity of ['debug', 'info', 'warn', 'error'] as const) log[severity](severity);
  return lines;
}

function lineOf(message: string, fields?: LogFields): string {
  const lines: string[] = [];
  createLogger({ level: 'info', write: (line) => lines.push(line), now: () => NOW }).info(message, fields);
  assert.equal(lines.length, 1);
  return lines[0] ?? '';
}

test('writes one line of time, level, message and fields', () => {
  assert.equal(
    lineOf('session ended', { path: '/mcp', status: 204, last: true }),
    'time=2026-11-22T12:00:00.000Z level=info msg="session ended" path=/mcp status=204 last=true',
  );
});

test('takes the time from the system when no other is given', () => {
  const lines: string[] = [];
  createLogger({ level: 'info', write: (line) => lines.push(line) }).info('x');
  assert.match(lines[0] ?? '', /^time=20\d\d-\d\d-\d\dT[\d:.]+Z level=info msg=x$/);
});

const WRITTEN = { debug: 4, info: 3, warn: 2, error: 1, silent: 0 };

for (const level of LOG_LEVELS) {
  test(`at level ${level} drops what is less severe`, () => {
    const severities = linesAt(level).map((line) => /level=(\w+)/.exec(line)?.[1]);
    assert.deepEqual(severities, ['debug', 'info', 'warn', 'error'].slice(4 - WRITTEN[level]));
  });
}

/** A value, and how it stands in the line. */
const VALUES: [value: string | number | boolean, written: string][] = [
  ['/mcp/x', '/mcp/x'],
  ['127.0.0.1:3000', '127.0.0.1:3000'],
  [-1.5, '-1.5'],
  [false, 'false'],
  ['', '""'],
  ['two words', '"two words"'],
  ['a=b', '"a=b"'],
  ['say "hi" \\ bye', String.raw`"say \"hi\" \\ bye"`],
  ['größer', '"größer"'],
  ['\n', String.raw`"\n"`],
  ['\u001B[31mred', String.raw`"\u001b[31mred"`],
  // What terminals or log readers take for a line's end or a command, and JSON leaves as it is.
  ['\u007F\u0085\u009B', String.raw`"\u007f\u0085\u009b"`],
  ['\u2028\u2029', String.raw`"\u2028\u2029"`],
];

for (const [value, written] of VALUES) {
  test(`writes a value as ${written}`, () => {
    assert.ok(lineOf('x', { value }).endsWith(` msg=x value=${written}`));
  });
}

test('leaves out what is undefined', () => {
  assert.match(lineOf('x', { a: undefined, b: 1 }), / msg=x b=1$/);
});

test('lets neither a message nor a value forge a line or a field', () => {
  const forged = 'x"\r\ntime=2026-01-01T00:00:00.000Z level=error msg="all is lost';
  for (const line of [lineOf(forged), lineOf('x', { value: forged })]) {
    assert.doesNotMatch(line, /[\r\n]/);
    const fields = line.match(/\S+?=(?:"(?:[^"\\]|\\.)*"|\S+)/g) ?? [];
    assert.deepEqual(fields.slice(0, 2), ['time=2026-11-22T12:00:00.000Z', 'level=info']);
    assert.equal(fields.join(' '), line);
  }
});

test('shortens a long value', () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', write: (line) => lines.push(line), now: () => 0 });
  log.warn('refused', { host: 'x'.repeat(100_000) });
  assert.ok((lines[0] ?? '').length < 1200);
});
