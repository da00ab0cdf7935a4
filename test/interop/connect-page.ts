/**
 * The page at `/` in Chromium: by keyboard alone, without JavaScript, in both color schemes, on a narrow screen, and by the
 * rules of axe. Run it with `node --import ./loader.mjs --test test/interop/connect-page.ts`.
 */
import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { COUNT_SCOPE, createTestServer } from '../support/test-server.ts';
import { openBrowser, type Browser, type Page } from './browser.ts';
import { serveApp, visit, type Visit, type VisitOptions } from './connect-page-visit.ts';
import { install, load } from './packages.ts';
import { createScope } from './scope.ts';

const TOKEN = 't'.repeat(32);
/** More than the page has. */
const MAX_TABS = 60;

interface Axe {
  default: { source: string };
}

interface Violation {
  id: string;
  nodes: { html: string }[];
}

/** One browser for all tests, each of which has a profile of its own in it. */
const scope = createScope();
let browser: Browser;
before(async () => {
  await Promise.all([install('playwright'), install('axe')]);
  browser = await openBrowser(scope.t);
});
after(() => scope.close());

async function open(t: TestContext, options?: VisitOptions, env?: Record<string, string>): Promise<Visit> {
  return visit(t, browser, await serveApp(t, env), options);
}

/** Presses Tab until the focus is on `name`. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < MAX_TABS; presses += 1) {
    await page.keyboard.press('Tab');
    if (((await page.evaluate('document.activeElement.innerText')) as string).startsWith(name)) {
      const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
      assert.equal(outline, 'solid', `the focus on ${name} is visible`);
      return;
    }
  }
  assert.fail(`Tab does not reach ${name}`);
}

async function violationsOn(page: Page): Promise<string[]> {
  const { default: axe } = (await load('axe', 'axe-core')) as Axe;
  await page.evaluate(axe.source);
  const violations = (await page.evaluate('axe.run().then((result) => result.violations)')) as Violation[];
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** The page has asked for nothing elsewhere, and the browser complains of nothing. */
function assertQuiet({ origin, complaints, requested }: Visit): void {
  assert.deepEqual(complaints, []);
  assert.ok(requested.length > 0);
  for (const url of requested) assert.equal(new URL(url).origin, origin);
}

test('a tool is called by keyboard alone, and its answer, request and headers are shown', async (t) => {
  const seen = await open(t);
  const { page } = seen;
  await tabTo(page, 'Skip to the tools');
  await page.keyboard.press('Enter');
  await tabTo(page, 'Call echo');
  await page.keyboard.press('Enter');
  const echo = page.locator('[data-tool=echo]');
  await echo.getByText('The tool has answered.').waitFor();
  assert.equal(await echo.locator('.outcome pre').innerText(), 'Hello, world');
  await tabTo(page, 'Request and answer');
  await page.keyboard.press('Enter');
  const request = await echo.locator('.request').innerText();
  for (const text of ['MCP-Protocol-Version: 2026-07-28', 'Mcp-Method: tools/call', 'Mcp-Name: echo', '"_meta"']) {
    assert.ok(request.includes(text), text);
  }
  assert.match(await echo.locator('.answer').innerText(), /^HTTP 200\n[^]*"echo": "Hello, world"/);
  assertQuiet(seen);
});

test('a browser that opens /mcp sees the page', async (t) => {
  const { page, origin } = await open(t, { path: '/mcp' });
  assert.equal(page.url(), `${origin}/`);
  assert.equal(await page.locator('h1').innerText(), 'test-server');
});

test('progress is shown while a tool runs, and the call can be cancelled', async (t) => {
  // The tool counts on as long as it is not cancelled.
  const origin = await serveApp(t, {}, (context) => {
    let steps = 0;
    const pause = () => (steps++ < 3 ? Promise.resolve() : new Promise<void>(() => {}));
    return createTestServer(context, { pause });
  });
  const seen = await visit(t, browser, origin);
  const count = seen.page.locator('[data-tool=count]');
  await count.locator('textarea').fill('{"to": 10}');
  await count.getByRole('button', { name: 'Call count' }).click();
  await count.getByText('Progress: 4 of 10').waitFor();
  await count.getByRole('button', { name: 'Cancel' }).focus();
  await seen.page.keyboard.press('Enter');
  await count.getByText('Cancelled.').waitFor();
  assert.equal(await seen.page.evaluate('document.activeElement.innerText'), 'Call count');
  assertQuiet(seen);
});

test('what goes wrong is said in words', async (t) => {
  const { page } = await open(t);
  const echo = page.locator('[data-tool=echo]');
  const send = async (args: string) => {
    await echo.locator('textarea').fill(args);
    await echo.getByRole('button', { name: 'Call echo' }).click();
  };
  await send('{');
  await echo.getByText('The arguments are not a JSON object.').waitFor();
  await send('{"text": 1}');
  await echo.getByText('The tool reports an error.').waitFor();
  await send('{"text": "ü"}');
  await echo.getByText('The tool has answered.').waitFor();
});

test('a token shows the tools of its holder, and is not in the page afterwards', async (t) => {
  const seen = await open(t, {}, { MCP_AUTH_TOKENS: `me:${TOKEN}:${COUNT_SCOPE}` });
  const { page } = seen;
  const show = page.getByRole('button', { name: 'Show the tools' });
  assert.equal(await page.locator('.tool').count(), 0);
  await page.locator('#token').fill('wrong');
  await show.click();
  await page.getByText('The server needs a token, and this one is missing, wrong or expired.').waitFor();
  await page.locator('#token').fill(TOKEN);
  await show.click();
  await page.getByText('You may see 2 tools.').waitFor();
  const echo = page.locator('[data-tool=echo]');
  assert.match(await echo.locator('summary').first().innerText(), /echo[^]*Answers with the text/);
  assert.match(await echo.locator('.parameters').innerText(), /text string required[^]*suffix string, default ""/);
  await echo.getByRole('button', { name: 'Call echo' }).click();
  await echo.getByText('The tool has answered.').waitFor();
  assert.match((await echo.locator('.request').textContent()) ?? '', /Authorization: Bearer \(your token\)/);
  const kept = await page.evaluate(
    '[document.documentElement.outerHTML, document.cookie, JSON.stringify([localStorage, sessionStorage])].join()',
  );
  assert.ok(!(kept as string).includes(TOKEN));
  assert.deepEqual(await violationsOn(page), []);
  // The refused token is a line of the console, as every 401 is.
  assert.deepEqual(
    seen.complaints.filter((line) => !line.includes('401')),
    [],
  );
});

test('copy buttons copy their line, and say so', async (t) => {
  const { page } = await open(t, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.getByRole('button', { name: 'Copy the line for Codex' }).click();
  await page.getByRole('button', { name: 'Copied the line for Codex' }).waitFor();
  assert.match((await page.evaluate('navigator.clipboard.readText()')) as string, /^codex mcp add test-server --url /);
  assert.equal(await page.locator('#copied').textContent(), 'Copied');
});

test('without JavaScript, the page has all there is to read, and no button that does nothing', async (t) => {
  const { page } = await open(t, { javaScriptEnabled: false });
  await page.getByText('To call a tool from this page, allow JavaScript.').waitFor();
  await page.getByText('Answers with the text, and with the suffix behind it.').waitFor();
  assert.equal(await page.getByRole('button').count(), 0);
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [320, 800, 1440]) {
    test(`axe finds nothing in the ${colorScheme} page at ${width} px, and nothing is cut off`, async (t) => {
      const { page } = await open(t, { colorScheme, viewport: { width, height: 900 } });
      await page.getByRole('button', { name: 'Call echo' }).click();
      const echo = page.locator('[data-tool=echo]');
      await echo.getByText('The tool has answered.').waitFor();
      await echo.locator('.wire summary').click();
      await page.locator('.more summary').click();
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
      assert.deepEqual(await violationsOn(page), []);
    });
  }
}
