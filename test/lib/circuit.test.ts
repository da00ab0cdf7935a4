import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Circuit } from '../../src/lib/circuit.ts';
import { manualClock } from '../support/clock.ts';

test('opens after as many failures in a row, and lets one attempt through now and then', () => {
  const clock = manualClock();
  const circuit = new Circuit({ clock, maxFailures: 3, openMs: 1000 });
  circuit.fail();
  circuit.fail();
  circuit.succeed();
  for (let i = 0; i < 3; i += 1) {
    assert.deepEqual([circuit.isOpen, circuit.allows()], [false, true]);
    circuit.fail();
  }
  assert.deepEqual([circuit.isOpen, circuit.allows()], [true, false]);
  clock.advance(999);
  assert.equal(circuit.allows(), false);
  clock.advance(1);
  assert.equal(circuit.allows(), true);
  assert.equal(circuit.allows(), false, 'one at a time');
  circuit.fail();
  assert.equal(circuit.allows(), false);
  clock.advance(1000);
  assert.equal(circuit.allows(), true);
  assert.equal(circuit.isOpen, true);
  circuit.succeed();
  assert.deepEqual([circuit.isOpen, circuit.allows(), circuit.allows()], [false, true, true]);
});

test('lets an attempt through when the clock was set back', () => {
  const clock = manualClock();
  const circuit = new Circuit({ clock, maxFailures: 1 });
  circuit.fail();
  assert.equal(circuit.allows(), false);
  clock.advance(-60_000);
  assert.equal(circuit.allows(), true);
});
