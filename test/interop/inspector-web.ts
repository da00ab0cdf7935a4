/** The MCP Inspector's web page, clicked through as a person would. */
import { join } from 'node:path';
import { FEATURES, SLUG, slugsOf, TEXT, type InteropClient, type Stage } from './client.ts';
import { openPage, type Page } from './browser.ts';
import { bin, versionOf } from './packages.ts';
import { startProgram } from './program.ts';
import { freePort } from '../support/ports.ts';

/** A few: its editor is slow with many. */
const TITLES = ['Chapter', 'Chapter', 'Chapter'];

const SLUGIFY = { name: 'Slugify slugify' };
const BATCH = { name: 'Slugify a list slugify-batch' };

const MODES = [
  { era: 'legacy', signsIn: false },
  { era: 'modern', signsIn: false },
  { era: 'legacy', signsIn: true },
  { era: 'modern', signsIn: true },
] as const;

export const INSPECTOR_WEB: readonly InteropClient[] = MODES.map(({ era, signsIn }) => ({
  name: 'MCP Inspector --web',
  mode: signsIn ? `${era}, signing in` : era,
  version: versionOf('inspector'),
  era,
  transport: 'HTTP',
  signsIn,
  shows: FEATURES,
  note:
    'signs in, where its row says so, at the provider of `npm run dev:idp`, and asks its user for the scope of ' +
    '`slugify-batch` when that is called',
  needs: ['node 24', 'inspector', 'playwright'],
  async run(stage) {
    const { saw } = stage;
    const page = await connect(stage, { era, signsIn });
    saw('connect');

    await page.getByText('Tools', { exact: true }).click();
    const slugify = page.getByRole('button', SLUGIFY);
    const batch = page.getByRole('button', BATCH);
    await slugify.waitFor();
    await batch.waitFor();
    saw('list');

    const execute = page.getByRole('button', { name: 'Execute Tool' });
    await slugify.click();
    await page.getByRole('textbox', { name: 'text', exact: true }).fill(TEXT);
    await execute.click();
    await page.getByText(SLUG, { exact: true }).first().waitFor();
    saw('slugify');

    await batch.click();
    await page.getByRole('textbox', { name: /^titles/ }).focus();
    await page.keyboard.insertText(JSON.stringify(TITLES));
    await execute.click();
    if (signsIn) {
      await page.getByRole('button', { name: 'Authorize' }).click();
      await allow(page);
      await page.getByText('Step-up authorization succeeded').waitFor();
      await execute.click();
    }
    for (const slug of slugsOf(TITLES)) await page.getByText(slug).first().waitFor();
    saw('slugify-batch');

    await page.getByText(`Slugs made: ${TITLES.length}`).first().waitFor();
    // Beside the log, which opens first because the server has one.
    await page.getByText('Protocol', { exact: true }).click();
    await page.getByText('notifications/progress').first().waitFor();
    saw('progress');
  },
  reconnecting: 'it is started anew',
  async stay(stage) {
    const page = await connect(stage, { era, signsIn });
    await page.getByText('Tools', { exact: true }).click();
    return async (text) => {
      // A result takes the place of the form; the other tool brings it back.
      await page.getByRole('button', BATCH).click();
      await page.getByRole('button', SLUGIFY).click();
      await page.getByRole('textbox', { name: 'text', exact: true }).fill(text);
      await page.getByRole('button', { name: 'Execute Tool' }).click();
      const slug = page.getByText(text.toLowerCase().replaceAll(' ', '-'), { exact: true }).first();
      // Not the notice that signing in has succeeded.
      const error = page.getByRole('alert').filter({ hasNotText: 'succeeded' }).first();
      return (await Promise.race([slug.textContent(), error.textContent()])) ?? '';
    };
  },
}));

/** Opens the page and has it connect. */
async function connect(stage: Stage, { era, signsIn }: (typeof MODES)[number]): Promise<Page> {
  const { t, artifacts } = stage;
  const address = await startInspector(stage, era);
  const page = await openPage(t);
  // Also of a page where something went wrong.
  t.after(() => page.screenshot({ path: join(artifacts, `inspector-${era}${signsIn ? '-oauth' : ''}.png`) }));
  await page.goto(address);
  // The switch itself is hidden behind its picture.
  await page.getByRole('switch').click({ force: true });
  if (signsIn) await allow(page);
  await page.getByText(era === 'modern' ? 'MCP 2026-07-28' : 'MCP 2025-11-25', { exact: true }).waitFor();
  return page;
}

/** Signs in as whom the page of the development IdP proposes, and gives what is asked for. */
function allow(page: Page): Promise<void> {
  return page.getByRole('button', { name: 'Allow' }).click();
}

/** Starts its server; resolves to the address of the page, with the token that it asks for. */
async function startInspector(stage: Stage, era: string): Promise<string> {
  const args = ['--web', '--transport', 'http', '--server-url', stage.url, '--protocol-era', era];
  const inspector = startProgram(stage, bin('inspector', 'mcp-inspector'), args, {
    // It takes no 0 for a port.
    CLIENT_PORT: String(await freePort()),
    MCP_SANDBOX_PORT: String(await freePort()),
    MCP_AUTO_OPEN_ENABLED: 'false',
    MCP_INSPECTOR_SECRET_STORE: 'memory',
  });
  const [address] = await inspector.stdout.match(/http:\S+MCP_INSPECTOR_API_TOKEN=\w+(?=\s)/);
  return address;
}
