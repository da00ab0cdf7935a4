/**
 * The official conformance suite through nginx and three nodes, for both revisions. Not part of `npm test`: it needs
 * redis-server, nginx, and the npm registry.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOfTasksExtension, SKIPPED_CHECKS } from '../conformance/exceptions.ts';
import { runSuite } from '../conformance/suite.ts';
import { judge } from '../conformance/verdict.ts';
import { startCluster } from './cluster.ts';

/** A limit for what never comes. It measures nothing. */
const TIMEOUT_MS = 600_000;

for (const revision of ['2025-11-25', '2026-07-28']) {
  test(`three nodes pass the suite of ${revision}`, { timeout: TIMEOUT_MS }, async (t) => {
    const env = { MCP_STATE_KEY: '0123456789abcdef'.repeat(4), LOG_LEVEL: 'error' };
    const cluster = await startCluster(t, { entry: 'test/cluster/conformance-node.ts', env });
    const { results } = await runSuite(cluster.url, revision);
    const verdict = judge(results, {
      cannot: [],
      skippedChecks: Object.keys(SKIPPED_CHECKS),
      isIgnored: isOfTasksExtension,
    });
    t.diagnostic(`${revision}: ${verdict.passed.length} passed, ${verdict.failed.length} failed`);
    assert.deepEqual(verdict.failed, []);
    assert.ok(verdict.passed.length > 0);
  });
}
