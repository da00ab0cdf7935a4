/**
 * Entry: the clients of others against both entries of this project.
 *
 * Prints a line for each client, writes `docs/compatibility.md` when all is well, and exits with 1 otherwise.
 * A client that fails gets a second try, because the machine may have been busy with the others. Words behind the command
 * (`npm run interop -- inspector stdio`) pick clients; the docs are left alone then, and where some cannot be installed.
 */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT, startHttpEntry } from '../support/process.ts';
import { startRedis } from '../support/redis.ts';
import { servePage } from './browser-page.ts';
import { titleOf } from './client.ts';
import { CLIENTS } from './clients.ts';
import { cellsOf, compatibilityPage, errorsOf, line, type Outcome } from './matrix.ts';
import { install, type PackageName } from './packages.ts';
import { runRestarts } from './restart.ts';
import { runClient } from './run-client.ts';
import { closeAllScopes, createScope } from './scope.ts';

/** Clients and installations at once: much of their time is waiting, and more would not fit two cores. */
const AT_ONCE = 2;

const print = (text: string) => void process.stdout.write(`${text}\n`);
const words = process.argv.slice(2);
const wanted = CLIENTS.filter((client) =>
  words.every((word) => `${titleOf(client)} ${client.transport}`.toLowerCase().includes(word.toLowerCase())),
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void closeAllScopes().finally(() => process.exit(1)));
}

const unavailable = new Set<PackageName>();
await inPool(new Set(wanted.flatMap(({ needs }) => needs)), async (name) => {
  try {
    if (await install(name)) print(`installed ${name}`);
  } catch (error) {
    // Not every machine has Python with pip, or a platform that a program is built for. The docs stay as they are then.
    unavailable.add(name);
    print(`could not install ${name}: ${String(error)}`);
  }
});
const clients = wanted.filter(({ needs }) => !needs.some((name) => unavailable.has(name)));
if (clients.length < wanted.length / 2) throw new Error('most clients could not be installed');
const isComplete = words.length === 0 && clients.length === CLIENTS.length;
const artifacts = process.env['INTEROP_ARTIFACTS'] ?? (await mkdtemp(join(tmpdir(), 'interop-artifacts-')));
await mkdir(artifacts, { recursive: true });

const scope = createScope();
const origins = await servePage(scope.t);
const redis = await startRedis();
scope.t.after(() => redis.stop());
const server = await startHttpEntry(scope.t, { env: { MCP_ALLOWED_ORIGINS: origins.allowed } });

const surroundings = { endpoint: server.url, origins, artifacts };
const outcomes: Outcome[] = [];
await inPool(clients.entries(), async ([index, client]) => {
  const run = async (): Promise<Outcome> => ({
    ...(await runClient(client, surroundings)),
    restarts: await runRestarts(client, () => redis.freshUrl(), surroundings),
  });
  let outcome = await run();
  const [reason] = errorsOf(outcome);
  if (reason) {
    print(`again, because of ${String(reason)}: ${titleOf(client)}`);
    outcome = await run();
  }
  outcomes[index] = outcome;
  print(line(outcome));
  for (const error of errorsOf(outcome)) print(`  ${error.stack ?? String(error)}`);
});
await scope.close();

const cells = outcomes.flatMap(cellsOf);
const passed = cells.filter((result) => result === 'passed').length;
const failed = cells.filter((result) => result === 'failed').length;
print(`pictures of the Inspector in ${artifacts}`);
if (failed === 0 && isComplete) {
  const path = join(PROJECT_ROOT, 'docs', 'compatibility.md');
  await writeFile(path, await compatibilityPage(outcomes, { path, date: new Date() }));
  print('wrote docs/compatibility.md');
}
print(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

async function inPool<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
