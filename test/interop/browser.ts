/** The part of Chromium that is used here. `playwright-core` is not a dependency of this project. */
import { execFile } from 'node:child_process';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { load } from './packages.ts';

/** Debian's; `INTEROP_CHROMIUM` names another one. */
const CHROMIUM = process.env['INTEROP_CHROMIUM'] ?? '/usr/bin/chromium';
/** A step that takes longer has failed. */
const STEP_MS = 20_000;
/** No sandbox, since containers run it as root; and no traffic of its own. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The browser's version, or a placeholder without a browser. */
export const chromiumVersion = await promisify(execFile)(CHROMIUM, ['--version']).then(
  ({ stdout }) => /[\d.]+/.exec(stdout)?.[0] ?? stdout.trim(),
  () => 'not installed',
);

export interface Locator {
  click(options?: { force?: boolean }): Promise<void>;
  fill(text: string): Promise<void>;
  focus(): Promise<void>;
  first(): Locator;
  textContent(): Promise<string | null>;
  waitFor(): Promise<void>;
}

export interface Page {
  goto(url: string): Promise<unknown>;
  getByRole(role: string, options?: { name?: string | RegExp; exact?: boolean }): Locator;
  getByText(text: string, options?: { exact?: boolean }): Locator;
  locator(selector: string): Locator;
  screenshot(options: { path: string }): Promise<unknown>;
  setDefaultTimeout(milliseconds: number): void;
  keyboard: { insertText(text: string): Promise<void> };
}

interface Browser {
  newPage(options: { viewport: { width: number; height: number } }): Promise<Page>;
  close(): Promise<void>;
}

interface Playwright {
  /** It is CommonJS. */
  default: { chromium: { launch(options: { executablePath: string; args: string[] }): Promise<Browser> } };
}

/** Opens a page in a browser of its own. */
export async function openPage(t: TestContext): Promise<Page> {
  const playwright = (await load('playwright', 'playwright-core')) as Playwright;
  const browser = await playwright.default.chromium.launch({ executablePath: CHROMIUM, args: ARGS });
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.setDefaultTimeout(STEP_MS);
  return page;
}
