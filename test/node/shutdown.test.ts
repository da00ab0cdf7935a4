import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { LAST_ANSWERS_MS } from '../../src/lib/lifecycle.ts';
import { FLUSH_MS } from '../../src/node/listen.ts';
import { ENGINES_MS, LAST_SPANS_MS, stopOnSignals } from '../../src/node/shutdown.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { gate } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { settled } from '../support/time.ts';

test('drains, closes and exits with code 0 once on Ctrl-C that comes twice at once, and at once on another signal', async (t) => {
  t.after(() => process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM'));
  const clock = manualClock();
  const { opened, open } = gate();
  const steps: string[] = [];
  stopOnSignals({
    app: {
      drain: async () => {
        steps.push('drain');
        await opened;
        return 0;
      },
    },
    listener: { close: async () => void steps.push('close') },
    engines: { close: async () => void steps.push('close engines') },
    tracing: {
      flush: () => {
        steps.push('flush');
        return gate().opened;
      },
    },
    metricsListener: { closeNow: () => void steps.push('close metrics') },
    log: createLogger({ level: 'silent', write: () => {} }),
    clock,
    exit: (code) => void steps.push(`exit ${code}`),
  });

  process.emit('SIGINT', 'SIGINT');
  clock.advance(499);
  process.emit('SIGINT', 'SIGINT');
  assert.deepEqual(steps, ['drain']);
  process.emit('SIGTERM', 'SIGTERM');
  assert.deepEqual(steps, ['drain', 'exit 0']);
  clock.advance(1);
  process.emit('SIGINT', 'SIGINT');
  assert.deepEqual(steps, ['drain', 'exit 0', 'exit 0']);
  open();
  await settled();
  // Requests get their last answers.
  clock.advance(249);
  await settled();
  assert.deepEqual(steps, ['drain', 'exit 0', 'exit 0']);
  clock.advance(1);
  await settled();
  assert.deepEqual(steps.slice(3), ['flush', 'close']);
  // A collector that does not answer.
  clock.advance(1999);
  await settled();
  assert.deepEqual(steps.slice(3), ['flush', 'close']);
  clock.advance(1);
  await settled();
  assert.deepEqual(steps.slice(3), ['flush', 'close', 'close engines', 'close metrics', 'exit 0']);
});

test('takes no longer after the drain than its documentation says, whatever hangs', async (t) => {
  t.after(() => process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM'));
  const clock = manualClock();
  const started = clock.now();
  const exited: number[] = [];
  stopOnSignals({
    app: { drain: async () => 0 },
    listener: { close: () => new Promise((resolve) => clock.after(FLUSH_MS, resolve)) },
    engines: { close: () => gate().opened },
    tracing: { flush: () => gate().opened },
    log: createLogger({ level: 'silent', write: () => {} }),
    clock,
    exit: () => void exited.push(clock.now() - started),
  });
  process.emit('SIGTERM', 'SIGTERM');
  for (let passed = 0; passed < 10_000 && exited.length === 0; passed += 250) {
    await settled();
    clock.advance(250);
    await settled();
  }
  const operations = await readFile(new URL('../../docs/production.md', import.meta.url), 'utf8');
  const [, seconds] = /up to `MCP_DRAIN_SECONDS` and ([\d.]+) seconds/.exec(operations) ?? [];
  assert.deepEqual(exited, [Number(seconds) * 1000]);
  assert.equal(LAST_ANSWERS_MS + Math.max(FLUSH_MS, LAST_SPANS_MS) + ENGINES_MS, Number(seconds) * 1000);
});
