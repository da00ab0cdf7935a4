import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundedLog } from '../../src/telemetry/bounded-log.ts';
import { createLogger, type Logger, type Severity } from '../../src/telemetry/log.ts';
import { nextTurn } from '../../src/tools.ts';
import { testApp } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { logLines } from '../support/log-lines.ts';

function boundedLines(unbounded?: string[]) {
  const clock = manualClock();
  const lines: string[] = [];
  const inner = createLogger({ level: 'debug', write: (line) => lines.push(line) });
  const log = boundedLog(inner, () => clock.now(), unbounded);
  return { clock, log, messages: () => logLines(lines).map(({ msg, omitted }) => [msg, omitted]) };
}

test('writes 60 lines a minute with one message, and then says how many it left out', () => {
  const { clock, log, messages } = boundedLines();
  for (let count = 0; count < 100; count += 1) log.warn('refused');
  assert.equal(messages().length, 60);
  clock.advance(60_000);
  log.warn('refused', { why: 'again' });
  log.warn('refused');
  assert.deepEqual(messages().slice(60), [
    ['refused', 40],
    ['refused', undefined],
  ]);
});

test('counts each message separately, but neither debug lines nor messages that are not bounded', () => {
  const { log, messages } = boundedLines(['request']);
  for (let count = 0; count < 100; count += 1) {
    log.info('one');
    log.error('another');
    log.debug('detail');
    log.info('request');
  }
  const counted = (message: string) => messages().filter(([written]) => written === message).length;
  assert.deepEqual(['one', 'another', 'detail', 'request'].map(counted), [60, 60, 100, 100]);
});

test('counts at most 200 messages separately', () => {
  const { log, messages } = boundedLines();
  for (let count = 0; count < 1000; count += 1) log.warn(`message ${count}`);
  assert.equal(messages().length, 260);
});

test('counts a message apart from others again once a minute has passed', () => {
  const { clock, log, messages } = boundedLines();
  for (let count = 0; count < 1000; count += 1) log.warn(`message ${count}`);
  clock.advance(60_000);
  for (let count = 0; count < 100; count += 1) log.warn(`later message ${count}`);
  log.error('Redis is unavailable');
  assert.equal(messages().length, 361);
});

test('goes on when the clock is set back', () => {
  let now = 10_000_000;
  const lines: string[] = [];
  const log = boundedLog(createLogger({ level: 'info', write: (line) => lines.push(line) }), () => now);
  for (let count = 0; count < 100; count += 1) log.warn('refused');
  now -= 3_600_000;
  log.warn('refused');
  assert.deepEqual([lines.length, logLines(lines).at(-1)?.['omitted']], [61, 40]);
});

test('a flood of refused requests is no flood of lines', async () => {
  const app = testApp();
  for (let count = 0; count < 200; count += 1) {
    const response = await app.request('POST', { headers: { host: 'evil.example' }, body: {} });
    assert.equal(response.status, 403);
  }
  assert.equal(logLines(app.lines).filter(({ msg }) => msg === 'Host not allowed').length, 60);
});

test('a flood of failing requests is no flood of lines either, unless the log of requests was asked for', async () => {
  for (const [env, expected] of [
    [{}, 60],
    [{ MCP_LOG_REQUESTS: 'on' }, 70],
  ] as const) {
    const app = testApp(env, { authenticate: () => Promise.reject(new Error('broken')) });
    for (let count = 0; count < 70; count += 1) {
      const response = await app.request('POST', { body: {} });
      assert.equal(response.status, 500);
    }
    // A line about a request is logged after its answer.
    await nextTurn();
    const lines = logLines(app.lines).filter(({ msg, level }) => msg === 'request' && level === 'warn');
    assert.equal(lines.length, expected);
  }
});

test('keeps what a logger that is an object of a class has', () => {
  class OwnLogger implements Logger {
    readonly lines: string[] = [];
    debug(message: string) {
      this.lines.push(message);
    }
    info(message: string) {
      this.lines.push(message);
    }
    warn(message: string) {
      this.lines.push(message);
    }
    error(message: string) {
      this.lines.push(message);
    }
    isLevelEnabled(level: Severity) {
      return level !== 'info' || this.lines.length === 0;
    }
  }
  const inner = new OwnLogger();
  const log = boundedLog(inner, () => 0);
  log.debug('detail');
  log.warn('refused');
  assert.deepEqual(inner.lines, ['detail', 'refused']);
  assert.equal(log.isLevelEnabled?.('info'), false);
});
