/**
 * A page of another origin that calls the endpoint with `fetch`: CORS as a browser sees it.
 *
 * Its host name is not a loopback name, so that it may call only because of `MCP_ALLOWED_ORIGINS`; the same
 * page under another name, which is not in there, must get nowhere.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { chromiumVersion, openPage } from './browser.ts';
import { FEATURES, SLUG, SLUGS, TEXT, TITLES, type InteropClient, type Stage } from './client.ts';

/** What the page writes down. */
interface Seen {
  end: string;
  answers: { list?: string[]; slugify?: unknown; 'slugify-batch'?: unknown };
  progress: number[];
  sessionId?: string | null;
  initialized?: number;
  stream?: [number, string];
  deleted?: number;
  afterwards?: number;
  versions?: string[];
}

export const BROWSER_PAGE: readonly InteropClient[] = (['legacy', 'modern'] as const).map((era) => ({
  name: 'Page with fetch in Chromium',
  mode: era,
  version: chromiumVersion,
  era,
  transport: 'HTTP',
  shows: FEATURES,
  note: 'is of another origin, which `MCP_ALLOWED_ORIGINS` names; of one that it does not name, it gets nowhere',
  needs: ['playwright'],
  async run(stage) {
    const { origins, sent, saw } = stage;
    const refused = await visit(stage, origins.refused, era);
    assert.match(refused.end, /TypeError: Failed to fetch/);
    assert.doesNotMatch(sent(), /^POST /m, 'its preflight is refused');

    const seen = await visit(stage, origins.allowed, era);
    assert.equal(seen.end, 'done');
    assert.match(sent(), /^OPTIONS \/mcp [^]*^access-control-request-headers: .*content-type/im);
    if (era === 'legacy') {
      assert.match(seen.sessionId ?? '', /^[0-9a-f-]{72}$/);
      assert.equal(seen.initialized, 202);
      assert.deepEqual(seen.stream, [200, 'text/event-stream']);
      assert.deepEqual([seen.deleted, seen.afterwards], [204, 404]);
    } else {
      assert.ok(seen.versions?.includes('2026-07-28'));
    }
    saw('connect');
    assert.deepEqual(seen.answers.list, ['slugify', 'slugify-batch']);
    saw('list');
    assert.deepEqual(seen.answers.slugify, { slug: SLUG });
    saw('slugify');
    assert.deepEqual(seen.answers['slugify-batch'], { slugs: SLUGS });
    saw('slugify-batch');
    assert.deepEqual(
      seen.progress,
      TITLES.map((_, index) => index + 1),
    );
    saw('progress');
  },
}));

/** Serves the page under two names; both lead to this machine, as all names below localhost do in a browser. */
export async function servePage(t: TestContext): Promise<Stage['origins']> {
  const html = await readFile(new URL('page.html', import.meta.url));
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(html));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { allowed: `http://app.localhost:${port}`, refused: `http://other.localhost:${port}` };
}

async function visit({ t, url }: Stage, origin: string, era: string): Promise<Seen> {
  const page = await openPage(t);
  const query = new URLSearchParams({ endpoint: url, era, text: TEXT, titles: JSON.stringify(TITLES) });
  await page.goto(`${origin}/?${query.toString()}`);
  const result = page.locator('#result:not(:empty)');
  await result.waitFor();
  return JSON.parse((await result.textContent()) ?? '') as Seen;
}
