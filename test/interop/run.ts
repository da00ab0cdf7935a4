/**
 * Entry: the clients of others against both entries of this project.
 *
 * Prints a line for each client, writes `docs/compatibility.md` when all is well, and exits with 1 otherwise.
 * Words behind the command (`npm run interop -- inspector stdio`) pick clients; the docs are left alone then.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT, startHttpEntry } from '../support/process.ts';
import { servePage } from './browser-page.ts';
import { FEATURES, type Feature, type InteropClient, type Stage } from './client.ts';
import { CLIENTS } from './clients.ts';
import { cell, compatibilityPage, line, type Outcome } from './matrix.ts';
import { install } from './packages.ts';
import { createScope, closeAllScopes } from './scope.ts';
import { revisionIn, tapHttp, tapStdio } from './wire.ts';

/** A client that is not done by then hangs; the slowest one takes a fifth of that. */
const RUN_MS = 90_000;
/** Most of the time one waits for processes to start: two at a time are faster, more are not on two cores. */
const AT_ONCE = 2;

const print = (text: string) => void process.stdout.write(`${text}\n`);
const words = process.argv.slice(2);
const clients = CLIENTS.filter(({ name, transport }) =>
  words.every((word) => `${name} ${transport}`.toLowerCase().includes(word.toLowerCase())),
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void closeAllScopes().finally(() => process.exit(1)));
}

for (const name of new Set(clients.flatMap(({ needs }) => needs))) {
  if (await install(name)) print(`installed ${name}`);
}
const artifacts = process.env['INTEROP_ARTIFACTS'] ?? (await mkdtemp(join(tmpdir(), 'interop-artifacts-')));
await mkdir(artifacts, { recursive: true });

const scope = createScope();
const origins = await servePage(scope.t);
const server = await startHttpEntry(scope.t, { env: { MCP_ALLOWED_ORIGINS: origins.allowed } });

const outcomes: Outcome[] = [];
const waiting = [...clients.entries()];
await Promise.all(Array.from({ length: AT_ONCE }, work));
await scope.close();

const cells = outcomes.flatMap((outcome) => FEATURES.map((feature) => cell(outcome, feature)));
const passed = cells.filter((result) => result === 'passed').length;
const failed = cells.filter((result) => result === 'failed').length;
print(`pictures of the Inspector in ${artifacts}`);
if (failed === 0 && words.length === 0) {
  const path = join(PROJECT_ROOT, 'docs', 'compatibility.md');
  await writeFile(path, await compatibilityPage(outcomes, path));
  print('wrote docs/compatibility.md');
}
print(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

async function work(): Promise<void> {
  for (;;) {
    const [index, client] = waiting.shift() ?? [];
    if (index === undefined || client === undefined) return;
    const outcome = await runClient(client);
    outcomes[index] = outcome;
    print(line(outcome));
    if (outcome.error) print(`  ${outcome.error.stack ?? String(outcome.error)}`);
  }
}

async function runClient(client: InteropClient): Promise<Outcome> {
  const { t, close } = createScope();
  const saw = new Set<Feature>();
  const folder = await mkdtemp(join(tmpdir(), 'interop-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const http = await tapHttp(t, server.url);
  const stdio = tapStdio(folder);
  const { sent } = client.transport === 'HTTP' ? http : stdio;
  const { url } = http;
  const { command } = stdio;
  const see = (feature: Feature) => void saw.add(feature);
  const stage: Stage = { url, command, folder, origins, artifacts, t, sent, saw: see };
  const outcome: Outcome = { client, revision: undefined, saw };
  try {
    await withinTime(client.run(stage));
    print('DBG ' + client.name + client.transport + ' ' + String(sent().includes('progressToken')));
    const spoken = revisionIn(sent());
    outcome.revision = spoken?.revision;
    if (spoken?.era !== client.era) {
      saw.delete('connect');
      throw new Error(`expected a ${client.era} revision, and it spoke ${spoken?.revision ?? 'none'}`);
    }
  } catch (error) {
    outcome.error = error instanceof Error ? error : new Error(String(error));
  } finally {
    await close();
  }
  return outcome;
}

function withinTime(run: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not done after ${RUN_MS / 1000} s`)), RUN_MS);
    run.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
