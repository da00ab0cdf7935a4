/**
 * Entry: the official conformance suite against our host, for both revisions, with sessions and without.
 *
 * Prints a line for each run and what is wrong, and exits with 1 unless everything is as it should be.
 */
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config.ts';
import { listen } from '../../src/node/listen.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { isOfTasksExtension, SKIPPED_CHECKS, STATELESS_CANNOT } from './exceptions.ts';
import { createConformanceServer } from './server.ts';
import { runSuite } from './suite.ts';
import { judge, type Verdict } from './verdict.ts';

const MODES = ['stateful', 'stateless'] as const;
const REVISIONS = ['2025-11-25', '2026-07-28'] as const;

type Mode = (typeof MODES)[number];
type Revision = (typeof REVISIONS)[number];

const print = (line: string) => void process.stdout.write(`${line}\n`);

let passed = 0;
let failed = 0;
for (const mode of MODES) {
  const host = await startHost(mode);
  for (const revision of REVISIONS) {
    const verdict = await run(host.url, mode, revision);
    passed += verdict.passed.length;
    failed += verdict.failed.length;
    report(`${mode}, ${revision}`, verdict);
  }
  await host.stop();
}
print(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** The host that serves slugify, wired as in `src/http-server.ts`, with another server in it. */
async function startHost(mode: Mode): Promise<{ url: string; stop: () => Promise<void> }> {
  const config = loadConfig({ PORT: '0', LOG_LEVEL: 'error', MCP_DRAIN_SECONDS: '1', MCP_SESSIONS: mode });
  const log = createLogger({ level: config.logLevel, write: (line) => void process.stderr.write(`${line}\n`) });
  const app = createApp(createConformanceServer, { config, log });
  const listener = await listen(app, config);
  return {
    url: `http://${config.host}:${listener.port}/mcp`,
    async stop() {
      await app.drain();
      await listener.close();
    },
  };
}

async function run(url: string, mode: Mode, revision: Revision): Promise<Verdict> {
  const cannot = mode === 'stateless' && revision === '2025-11-25' ? Object.keys(STATELESS_CANNOT) : [];
  const crashed = (problem: string): Verdict => ({
    passed: [],
    failed: [{ scenario: 'the suite itself', problems: [problem] }],
    cannot: [],
    ignored: [],
  });
  try {
    const { results, exitCode } = await runSuite(url, revision);
    const verdict = judge(results, {
      cannot,
      skippedChecks: Object.keys(SKIPPED_CHECKS),
      isIgnored: isOfTasksExtension,
    });
    if (exitCode === 0 || verdict.failed.length + verdict.cannot.length > 0) return verdict;
    return crashed('exited with 1 although nothing failed');
  } catch (error) {
    return crashed(error instanceof Error ? error.message : String(error));
  }
}

function report(name: string, verdict: Verdict): void {
  const notes = [
    verdict.cannot.length > 0 && `${verdict.cannot.length} that this mode cannot do`,
    verdict.ignored.length > 0 && `${verdict.ignored.length} of the tasks extension not counted`,
  ];
  const counts = `${verdict.passed.length} passed, ${verdict.failed.length} failed`;
  print(`${name}: ${[counts, ...notes.filter((note) => note !== false)].join('; ')}`);
  for (const { scenario, problems } of verdict.failed) {
    print(`  ${scenario}`);
    for (const problem of problems) print(`    ${problem}`);
  }
}
