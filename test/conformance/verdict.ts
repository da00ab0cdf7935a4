/** Whether what the suite found is what we ask for. Stricter than the suite, which lets warnings and skips pass. */

/** One check of a scenario, as the suite writes it to `checks.json`. */
export interface Check {
  id: string;
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  errorMessage?: string;
}

/** A scenario that was run; without checks when it threw or timed out. */
export interface ScenarioResult {
  scenario: string;
  checks: Check[] | undefined;
}

/** What is not asked for. */
export interface Exceptions {
  /** Scenarios that must not pass. */
  cannot: readonly string[];
  /** Checks that must be skipped where they are met. */
  skippedChecks: readonly string[];
  /** Scenarios that do not count, whatever comes out. */
  isIgnored: (scenario: string) => boolean;
}

/** What came out. */
export interface Verdict {
  passed: string[];
  /** With what was wrong, a line for each. */
  failed: { scenario: string; problems: string[] }[];
  /** Did not pass, and were not expected to. */
  cannot: string[];
  ignored: string[];
}

/** Judges one run. An excepted scenario must be run, and must fail. */
export function judge(results: readonly ScenarioResult[], { cannot, skippedChecks, isIgnored }: Exceptions): Verdict {
  const verdict: Verdict = { passed: [], failed: [], cannot: [], ignored: [] };
  for (const { scenario, checks } of results) {
    const problems = problemsOf(checks, skippedChecks);
    const isExcepted = cannot.includes(scenario);
    if (isIgnored(scenario)) verdict.ignored.push(scenario);
    else if (isExcepted && problems.length > 0) verdict.cannot.push(scenario);
    else if (isExcepted)
      verdict.failed.push({ scenario, problems: ['passes, although it is listed as one that cannot'] });
    else if (problems.length > 0) verdict.failed.push({ scenario, problems });
    else verdict.passed.push(scenario);
  }
  for (const scenario of cannot) {
    if (results.some((result) => result.scenario === scenario)) continue;
    verdict.failed.push({ scenario, problems: ['was not run, although it is listed as one that cannot pass'] });
  }
  return verdict;
}

function problemsOf(checks: readonly Check[] | undefined, skippedChecks: readonly string[]): string[] {
  if (!checks) return ['did not finish'];
  const problems = checks.flatMap(({ id, status, errorMessage = '' }) => {
    const mayBeSkipped = skippedChecks.includes(id);
    if (mayBeSkipped && status !== 'SKIPPED')
      return [`${id} is not skipped (${status}), although it is listed as skipped`];
    const isFine = status === 'SUCCESS' || status === 'INFO' || mayBeSkipped;
    return isFine ? [] : [`${status} ${id}: ${errorMessage}`];
  });
  // The suite adds these to whatever it sent over the wire; alone they say that nothing was tried.
  const isOwnCheck = ({ id, status }: Check) => status === 'SUCCESS' && !id.startsWith('wire-schema-');
  return problems.length > 0 || checks.some(isOwnCheck) ? problems : ['had nothing to check'];
}
