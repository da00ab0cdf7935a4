import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { childEnv, PROJECT_ROOT } from '../../test/support/process.ts';
import { SERVER_JSON } from '../../test/support/registry-schemas.ts';
import { bundleManifest, serverJson } from '../publish/documents.ts';

const INFO = { name: 'slugs', title: 'Slugs', version: '1.0.0', description: 'Makes slugs.' };
const AT = { url: new URL('https://mcp.example.com/mcp'), takesToken: false };

/** Runs the script. */
const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['--import', './loader.mjs', 'dev/publish/main.ts', ...args], {
    cwd: PROJECT_ROOT,
    env: childEnv(),
    timeout: 60_000,
  });

test('server.json is valid, and says the same as the server card', () => {
  const made = SERVER_JSON.parse(serverJson(INFO, { ...AT, takesToken: true }));
  const { name, title, version, description, remotes } = made;
  assert.deepEqual({ name, title, version, description }, { ...INFO, name: 'com.example.mcp/slugs' });
  assert.deepEqual(
    remotes.map(({ url, headers }) => [url, headers?.map((header) => header.name)]),
    [['https://mcp.example.com/mcp', ['Authorization']]],
  );
});

test('server.json takes a name and a repository, and leaves out icons that the registry refuses', () => {
  const good = { src: 'https://example.com/icon.png', mimeType: 'image/png' };
  const icons = [
    good,
    { src: 'data:image/png;base64,AA==' },
    { src: 'https://example.com/icon.gif', mimeType: 'image/gif' },
  ];
  const repository = new URL('https://github.com/example/slugs');
  const made = SERVER_JSON.parse(
    serverJson({ ...INFO, icons }, { ...AT, name: 'io.github.example/slugs', repository }),
  );
  assert.equal(made.name, 'io.github.example/slugs');
  assert.deepEqual(made.repository, { url: 'https://github.com/example/slugs', source: 'github' });
  assert.deepEqual(made.icons, [good]);
});

test('server.json is refused for an address without a name, and for a name in another form', () => {
  const url = new URL('http://192.0.2.7:3000/mcp');
  assert.throws(() => serverJson(INFO, { ...AT, url }), /192\.0\.2\.7 is an address/);
  SERVER_JSON.parse(serverJson(INFO, { ...AT, url, name: 'com.example/slugs' }));
  assert.throws(() => serverJson(INFO, { ...AT, name: 'slugs' }), /slugs is not a name like/);
});

test('the manifest names the bundle without its namespace, and its tools', () => {
  const tools = [{ name: 'slugify', description: 'Makes one', inputSchema: { type: 'object' as const } }];
  const info = { ...INFO, name: 'com.example/slugs', websiteUrl: 'https://example.com/' };
  const made = bundleManifest(info, tools, { author: 'Example', node: '>=20.19', license: 'MIT' });
  assert.deepEqual([made.name, made.display_name, made.homepage], ['slugs', 'Slugs', 'https://example.com/']);
  assert.deepEqual(made.tools, [{ name: 'slugify', description: 'Makes one' }]);
});

test('the script prints server.json for the server in src/mcp-server.ts, the same every time', async () => {
  const args = ['server.json', '--url', 'https://mcp.example.com/mcp'];
  const [first, again] = await Promise.all([run(...args), run(...args)]);
  const made = SERVER_JSON.parse(JSON.parse(first.stdout));
  assert.match(made.name, /^com\.example\.mcp\//);
  assert.equal(again.stdout, first.stdout);
});

test('the script ends with code 1 and its usage if something is missing', async () => {
  await assert.rejects(run('server.json'), { code: 1, stderr: /^Usage:/m });
});
