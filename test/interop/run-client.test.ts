import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { connectHttp, type ClientKind } from '../support/clients.ts';
import { createMcpServer } from '../../src/mcp-server.ts';
import { startListening } from '../support/listening.ts';
import { FEATURES, type InteropClient, type Stage } from './client.ts';
import { cell } from './matrix.ts';
import { runClient } from './run-client.ts';

const client = (era: InteropClient['era'], run: (stage: Stage) => Promise<void>): InteropClient => ({
  name: 'client',
  version: '1.0.0',
  era,
  transport: 'HTTP',
  shows: ['connect', 'list'],
  needs: [],
  run,
});

/** Connects as `kind`, and says that it saw everything. */
const connecting = (kind: ClientKind) => async (stage: Stage) => {
  await connectHttp(stage.t, kind, stage.url);
  stage.saw('connect');
  stage.saw('list');
};

async function outcomeOf(t: TestContext, run: InteropClient) {
  const { url: endpoint } = await startListening(t, {}, { createServer: createMcpServer });
  const outcome = await runClient(run, { endpoint, origins: { allowed: '', refused: '' }, artifacts: '' });
  return { ...outcome, cells: FEATURES.map((feature) => cell(outcome, feature)) };
}

for (const { kind, era, revision } of [
  { kind: 'v1', era: 'legacy', revision: '2025-11-25' },
  { kind: 'v2 auto', era: 'modern', revision: '2026-07-28' },
] as const) {
  const other = era === 'legacy' ? 'modern' : 'legacy';

  test(`passes a client that sees what it shows, and finds that it speaks ${revision}`, async (t) => {
    const outcome = await outcomeOf(t, client(era, connecting(kind)));
    assert.deepEqual(outcome.cells, ['passed', 'passed', 'open', 'open', 'open']);
    assert.equal(outcome.revision, revision);
    assert.equal(outcome.error, undefined);
  });

  test(`passes a client that may speak either era, and speaks ${revision}`, async (t) => {
    const outcome = await outcomeOf(t, client('either', connecting(kind)));
    assert.equal(outcome.revision, revision);
    assert.equal(outcome.error, undefined);
  });

  test(`fails a ${other} client that speaks ${revision}`, async (t) => {
    const outcome = await outcomeOf(t, client(other, connecting(kind)));
    assert.deepEqual(outcome.cells, ['failed', 'failed', 'open', 'open', 'open']);
    assert.equal(outcome.revision, revision);
    assert.match(String(outcome.error), new RegExp(`${other}.*${revision}`));
  });
}

test('fails what a client did not get to see', async (t) => {
  const run = async ({ saw }: Stage) => {
    saw('connect');
    throw new Error('no tools');
  };
  const { cells, error } = await outcomeOf(t, client('legacy', run));
  assert.deepEqual(cells, ['passed', 'failed', 'open', 'open', 'open']);
  assert.match(String(error), /no tools/);
});

test('ends what was started for a client, what was started last first', async (t) => {
  const ended: string[] = [];
  const run = async (stage: Stage) => {
    for (const name of ['server', 'client']) stage.t.after(() => ended.push(name));
  };
  await outcomeOf(t, client('legacy', run));
  assert.deepEqual(ended, ['client', 'server']);
});
