import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleForWorkers } from '../support/bundle.ts';

test('bundles the edge entry for Cloudflare Workers without a Node.js built-in or the Node.js adapter', async () => {
  const { inputs } = await bundleForWorkers("export { createFetchHandler } from './src/edge/fetch-handler.ts';");
  assert.ok(inputs.includes('src/app.ts'));
  assert.deepEqual(
    inputs.filter((input) => /^src\/(node|stdio|redis|sqlite|lua)\/|@hono\/node-server/.test(input)),
    [],
  );
});

test('finds a Node.js built-in in a bundle, whichever way it is named', async () => {
  for (const name of ['node:fs', 'fs', 'node:async_hooks']) {
    await assert.rejects(bundleForWorkers(`import '${name}';`), new RegExp(`Could not resolve "${name}"`));
  }
});
