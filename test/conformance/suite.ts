/** Runs the official conformance suite, which needs Node 22 and so gets a Node of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check, ScenarioResult } from './verdict.ts';

export const SUITE = '@modelcontextprotocol/conformance@0.2.0-alpha.12';
const NODE = 'node@24';
/** What is shown of the output when the suite has crashed. */
const TAIL_CHARS = 2000;

/** What the suite did. */
export interface SuiteRun {
  results: ScenarioResult[];
  /** 0, or 1 when a scenario failed that counts for the revision. */
  exitCode: 0 | 1;
}

/**
 * Runs every scenario of a revision's requirements, scored or not, against the server at `url`.
 *
 * @throws When the suite did not get through all of them.
 */
export async function runSuite(url: string, revision: string): Promise<SuiteRun> {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
  try {
    const { exitCode, output } = await npx(
      'conformance',
      'server',
      '--url',
      url,
      '--requirements',
      revision,
      '-o',
      folder,
    );
    const announced = Number(/^Running requirements \S+ \((\d+) scenarios\)/m.exec(output)?.[1] ?? 0);
    const scenarios = [...output.matchAll(/^=== Running scenario: (\S+) ===$/gm)].map(([, name = '']) => name);
    const isWhole = announced > 0 && scenarios.length === announced;
    if (!isWhole || (exitCode !== 0 && exitCode !== 1)) {
      const progress = `ran ${scenarios.length} of ${announced} scenarios and exited with ${exitCode}`;
      throw new Error(`The suite ${progress}:\n${output.slice(-TAIL_CHARS)}`);
    }
    const saved = await readChecks(folder);
    return { exitCode, results: scenarios.map((scenario) => ({ scenario, checks: saved.get(scenario) })) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function npx(...command: string[]): Promise<{ exitCode: number | null; output: string }> {
  const args = ['--yes', '--package', NODE, '--package', SUITE, '--', ...command];
  const child = spawn('npx', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output };
}

/** The checks of each scenario, which the suite saves in a folder named after it and the time. */
async function readChecks(folder: string): Promise<Map<string, Check[]>> {
  const checks = new Map<string, Check[]>();
  for (const name of await readdir(folder)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(name)?.[1];
    if (scenario === undefined) continue;
    const text = await readFile(join(folder, name, 'checks.json'), 'utf8').catch(() => undefined);
    if (text !== undefined) checks.set(scenario, JSON.parse(text) as Check[]);
  }
  return checks;
}
