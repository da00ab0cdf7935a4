import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tool } from '@modelcontextprotocol/server';
import { createRenderPage } from '../../src/page/page-html.ts';
import type { ServerDescription } from '../../src/page/server-description.ts';

/** Describes a server with one tool, and counts how often that is read. */
function describedServer() {
  const read = { times: 0 };
  const tool: Tool = {
    name: 'counted',
    inputSchema: { type: 'object' },
    get description() {
      read.times += 1;
      return `read ${read.times} times`;
    },
  };
  const description: ServerDescription = {
    serverInfo: { name: 'server', version: '1' },
    instructions: undefined,
    tools: [tool],
  };
  return { description, read };
}

test('writes the tools of a description once, for visitors at any URL', async () => {
  const render = await createRenderPage();
  const { description, read } = describedServer();
  const pages: string[] = [];
  for (const host of ['a.example', 'b.example', 'c.example']) {
    const view = { url: `https://${host}/mcp`, description, hasSessions: true, signIn: undefined };
    pages.push(await (await render(view)).text());
    assert.ok(pages.at(-1)?.includes(`<span>https://${host}/mcp</span>`));
  }
  for (const page of pages) assert.ok(page.includes('read 1 times'));
  assert.equal(read.times, 1);
});

test('writes the tools anew once the server says something else, and not for visitors who must sign in', async () => {
  const render = await createRenderPage();
  const view = { url: 'https://a.example/mcp', hasSessions: true };
  const [first, second] = [describedServer(), describedServer()];
  for (const { description } of [first, second]) {
    const page = await (await render({ ...view, description, signIn: undefined })).text();
    assert.ok(page.includes('read 1 times'));
  }
  const signIn = { issuer: undefined, hasStaticTokens: true };
  const guarded = await (await render({ ...view, description: first.description, signIn })).text();
  assert.doesNotMatch(guarded, /read 1 times/);
});
