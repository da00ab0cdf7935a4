/**
 * Attacks that a seed makes up. `WIRE_CASES=20000 WIRE_SEED=7` runs many, and `WIRE_FIRST` begins further on,
 * so that a failure can be repeated alone: each case depends on the seed and its number only.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../support/random.ts';
import { startWire, type Wire, type WireSession } from '../support/wire.ts';
import { assertAnswer } from './answer.ts';
import { KINDS } from './cases.ts';
import type { Bytes } from './raw-http.ts';

const SEED = Number(process.env['WIRE_SEED'] ?? 1);
const CASES = Number(process.env['WIRE_CASES'] ?? 100);
const FIRST = Number(process.env['WIRE_FIRST'] ?? 0);
/** Cases whose traces are not counted: with them the process gets to what it needs for any. */
const WARM_UP = Math.min(CASES / 3, 500);
/** So many use one session; then there is another. */
const CASES_PER_SESSION = 20;
/** Time that passes from case to case: sessions get old, and so do events. */
const STEP_MS = 1000;
const SHOWN_CHARS = 2000;

test(`answers what it should to ${CASES} attacks with seed ${SEED}, and has nothing left of them`, async (t) => {
  assert.ok(SEED >= 0 && CASES > 0 && FIRST >= 0, 'WIRE_SEED, WIRE_CASES and WIRE_FIRST are numbers');
  const wire = await startWire();
  t.after(() => wire.close());
  await wire.rememberWhatIsThere();
  let session = await wire.openSession();
  for (let index = FIRST; index < FIRST + CASES; index += 1) {
    if (index - FIRST === Math.floor(WARM_UP)) await wire.rememberWhatIsThere();
    if (index % CASES_PER_SESSION === 0 || index - FIRST === Math.floor(WARM_UP)) session = await wire.openSession();
    await runCase(wire, session, index);
    wire.clock.advance(STEP_MS);
  }
  await wire.assertNothingLeft();
});

async function runCase(wire: Wire, session: WireSession, index: number): Promise<void> {
  const random = createRandom(SEED * 1_000_003 + index);
  const kind = random.pick(KINDS);
  const inputs: Bytes[] = [];
  try {
    const answers = await kind.attack({ wire, session, random, note: (input) => inputs.push(input) });
    for (const answer of answers) assertAnswer(answer, kind.statuses);
    if (kind.count !== undefined) assert.equal(answers.length, kind.count, 'the number of answers');
    await wire.assertWell();
  } catch (error) {
    const shown = JSON.stringify(inputs.map((input) => Buffer.from(input).toString('latin1'))).slice(0, SHOWN_CHARS);
    throw new Error(`WIRE_SEED=${SEED} WIRE_FIRST=${index} WIRE_CASES=1: ${kind.name}: ${shown}`, { cause: error });
  }
}
