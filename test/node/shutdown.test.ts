import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stopOnSignals } from '../../src/node/shutdown.ts';
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
    metricsListener: { close: async () => void steps.push('close metrics') },
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
  assert.deepEqual(steps, ['drain', 'exit 0', 'exit 0', 'close', 'close engines', 'flush']);
  // A collector that does not answer.
  clock.advance(2000);
  await settled();
  assert.deepEqual(steps.slice(-3), ['flush', 'close metrics', 'exit 0']);
});
