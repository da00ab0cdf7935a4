/**
 * Takes the pictures of the page at `/` that the docs show: light, dark and narrow, on the example.
 *
 * Run it after a change of the page, and look at them: `node --import ./loader.mjs test/interop/connect-page-pictures.ts`.
 */
import { join } from 'node:path';
import { createMcpServer } from '../../src/mcp-server.ts';
import { PROJECT_ROOT } from '../support/process.ts';
import { openBrowser, type ContextOptions } from './browser.ts';
import { serveApp, visit } from './connect-page-visit.ts';
import { install } from './packages.ts';
import { createScope } from './scope.ts';

const { PICTURES = join(PROJECT_ROOT, 'docs/images') } = process.env;
const LOOKS: Record<string, ContextOptions> = {
  'page-light': { colorScheme: 'light', viewport: { width: 1280, height: 1000 } },
  'page-dark': { colorScheme: 'dark', viewport: { width: 1280, height: 1000 } },
  'page-narrow': { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5 },
};

await install('playwright');
const scope = createScope();
try {
  const browser = await openBrowser(scope.t);
  const origin = await serveApp(scope.t, { MCP_PUBLIC_URL: 'http://localhost:3000/mcp' }, createMcpServer);
  for (const [name, options] of Object.entries(LOOKS)) {
    const { page } = await visit(scope.t, browser, origin, options);
    await page.getByRole('button', { name: 'Call slugify', exact: true }).click();
    await page.getByText('The tool has answered.').first().waitFor();
    // The dark one shows a tool and its answer; the others show the top of the page.
    await page.evaluate(name === 'page-dark' ? "document.querySelector('#tools').scrollIntoView()" : 'scrollTo(0, 0)');
    await page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }
} finally {
  await scope.close();
}
