import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logLines } from '../support/log-lines.ts';
import { startEntry } from '../support/process.ts';

test('writes in order what is logged right before the process exits, and by listeners of its exit', async (t) => {
  const program = startEntry(t, 'test/fixtures/logging-at-exit.ts');
  assert.equal((await program.exit()).code, 0);
  const lines = logLines(program.stderr.trimEnd().split('\n'));
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['before', 'exiting', 'cleaned up'],
  );
});
