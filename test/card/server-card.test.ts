import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { Implementation } from '@modelcontextprotocol/server';
import { serverCard, serverIdentity } from '../../src/card/server-card.ts';
import { CARD } from '../support/registry-schemas.ts';

const INFO = { name: 'slugs', version: '1.0.0' };
const named = (name: string, hostname: string) => serverIdentity({ ...INFO, name }, hostname)?.name;
const described = (description: string) => serverIdentity({ ...INFO, description }, 'localhost')?.description ?? '';

for (const [name, hostname, expected] of [
  ['slugs', 'mcp.example.com', 'com.example.mcp/slugs'],
  ['slugs', 'mcp.example.com.', 'com.example.mcp/slugs'],
  ['slugs', 'intranet', 'intranet/slugs'],
  ['slugs', 'my_app.internal', 'internal.my-app/slugs'],
  ['slugs', 'localhost', 'localhost/slugs'],
  ['slugs', '127.0.0.1', 'localhost/slugs'],
  ['slugs', '[::1]', 'localhost/slugs'],
  ['com.example/slugs', 'mcp.example.com', 'com.example/slugs'],
  ['com.example/slugs', '192.0.2.7', 'com.example/slugs'],
  ['acme/slugs', 'example.com', 'com.example/acme-slugs'],
  ['@acme/My Slugs!', 'example.com', 'com.example/acme-My-Slugs'],
  ['スラッグ', 'example.com', 'com.example/mcp'],
] as const) {
  test(`names a server ${name} at ${hostname} ${expected}`, () => {
    assert.equal(named(name, hostname), expected);
  });
}

for (const hostname of ['192.0.2.7', '[2001:db8::7]']) {
  test(`has no name for a server at the address ${hostname}`, () => {
    assert.equal(named('slugs', hostname), undefined);
  });
}

test('has no identity for a server whose name or version is too long', () => {
  assert.equal(named('slugs', `${'long.'.repeat(39)}com`), undefined);
  assert.equal(serverIdentity({ ...INFO, version: '1'.repeat(256) }, 'localhost'), undefined);
});

test('keeps a description of 100 characters, and cuts a longer one at the end of a word', () => {
  const words = 'word '.repeat(20).trim();
  assert.equal(described(`${words}!`), `${words}!`);
  assert.equal(described(`${words} more`), `${'word '.repeat(19).trim()}…`);
});

test('cuts a description without words between two characters', () => {
  assert.equal(described('𝒳'.repeat(101)), `${'𝒳'.repeat(99)}…`);
});

test('describes a server without a description by its title, or else by its name', () => {
  assert.equal(serverIdentity({ ...INFO, title: 'Slugs', description: ' ' }, 'localhost')?.description, 'Slugs');
  assert.equal(serverIdentity(INFO, 'localhost')?.description, 'slugs');
});

test('takes over title, website and icons, but for URLs that are none', () => {
  const icon = { src: 'https://example.com/icon.png', mimeType: 'image/png', sizes: ['48x48'] };
  const about = { title: 'Slugs', websiteUrl: 'https://example.com/', icons: [icon, { src: 'icon.png' }] };
  const { title, websiteUrl, icons } = serverIdentity({ ...INFO, ...about }, 'localhost') ?? {};
  assert.deepEqual({ title, websiteUrl, icons }, { ...about, icons: [icon] });
  const odd = serverIdentity({ ...INFO, title: '', websiteUrl: 'example', icons: [{ src: '/icon.png' }] }, 'localhost');
  assert.deepEqual(Object.keys(odd ?? {}), ['name', 'version', 'description']);
});

test('leaves out websites and icons that are scripts or files, which a page with the card would link to', () => {
  const shown = { src: 'data:image/png;base64,AA==' };
  for (const url of ['javascript:alert(1)', ' JavaScript:alert(1)', 'vbscript:x', 'file:///etc/passwd']) {
    const about = { websiteUrl: url, icons: [{ src: url }, shown] };
    const { websiteUrl, icons } = serverIdentity({ ...INFO, ...about }, 'localhost') ?? {};
    assert.deepEqual([websiteUrl, icons], [undefined, [shown]], url);
  }
});

for (const takesToken of [false, true]) {
  test(`is valid for a server that ${takesToken ? 'takes' : 'does not take'} tokens, and says which revisions it speaks`, () => {
    const card = serverCard(INFO, { url: new URL('https://mcp.example.com/mcp'), takesToken });
    CARD.parse(card);
    const [remote] = card?.remotes ?? [];
    assert.equal(remote?.url, 'https://mcp.example.com/mcp');
    assert.deepEqual(
      remote?.headers?.map(({ name, isSecret }) => [name, isSecret]),
      takesToken ? [['Authorization', true]] : undefined,
    );
    assert.deepEqual(remote?.supportedProtocolVersions?.slice(0, 2), ['2026-07-28', '2025-11-25']);
  });
}

test('is what docs/publishing.md shows for the server there', async () => {
  const docs = await readFile(new URL('../../docs/publishing.md', import.meta.url), 'utf8');
  const [, code = ''] = /new McpServer\((\{.*?\n\})\)/s.exec(docs) ?? [];
  const [, shown = ''] = /```json\n(.*?)```/s.exec(docs) ?? [];
  const { info } = (await import(`data:text/javascript,export const info = ${encodeURIComponent(code)}`)) as {
    info: Implementation;
  };
  const card = serverCard(info, { url: new URL('https://mcp.example.com/mcp'), takesToken: false });
  assert.deepEqual(JSON.parse(JSON.stringify(card)), JSON.parse(shown));
});
