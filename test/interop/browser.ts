/** The part of Chromium that is used here. `playwright-core` is not a dependency of this project. */
import { execFile } from 'node:child_process';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { load } from './packages.ts';

/** Debian's; `INTEROP_CHROMIUM` names another one. */
const CHROMIUM = process.env['INTEROP_CHROMIUM'] ?? '/usr/bin/chromium';
/** A step that takes longer has failed. */
export const STEP_MS = 20_000;
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
  count(): Promise<number>;
  fill(text: string): Promise<void>;
  focus(): Promise<void>;
  filter(options: { hasNotText: string }): Locator;
  first(): Locator;
  getByRole(role: string, options?: { name?: string | RegExp; exact?: boolean }): Locator;
  getByText(text: string | RegExp, options?: { exact?: boolean }): Locator;
  innerText(): Promise<string>;
  isVisible(): Promise<boolean>;
  scrollIntoViewIfNeeded(): Promise<void>;
  locator(selector: string): Locator;
  textContent(): Promise<string | null>;
  waitFor(): Promise<void>;
}

export interface Page {
  /** Runs an expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  goto(url: string): Promise<unknown>;
  getByRole(role: string, options?: { name?: string | RegExp; exact?: boolean }): Locator;
  getByText(text: string | RegExp, options?: { exact?: boolean }): Locator;
  locator(selector: string): Locator;
  on(event: 'console', listener: (message: { text(): string }) => void): void;
  on(event: 'pageerror', listener: (error: Error) => void): void;
  on(event: 'request', listener: (request: { url(): string }) => void): void;
  screenshot(options: { path: string; fullPage?: boolean }): Promise<unknown>;
  setDefaultTimeout(milliseconds: number): void;
  url(): string;
  keyboard: { insertText(text: string): Promise<void>; press(key: string): Promise<void> };
}

/** What a page is seen with. */
export interface ContextOptions {
  colorScheme?: 'light' | 'dark';
  deviceScaleFactor?: number;
  forcedColors?: 'active' | 'none';
  javaScriptEnabled?: boolean;
  permissions?: string[];
  viewport?: { width: number; height: number };
}

export interface Browser {
  newContext(options: ContextOptions): Promise<{ newPage(): Promise<Page>; close(): Promise<void> }>;
  newPage(options: ContextOptions): Promise<Page>;
  close(): Promise<void>;
}

interface Playwright {
  /** It is CommonJS. */
  default: { chromium: { launch(options: { executablePath: string; args: string[] }): Promise<Browser> } };
}

/** Starts a browser, which does not outlive the test. */
export async function openBrowser(t: Pick<TestContext, 'after'>): Promise<Browser> {
  const playwright = (await load('playwright', 'playwright-core')) as Playwright;
  const browser = await playwright.default.chromium.launch({ executablePath: CHROMIUM, args: ARGS });
  t.after(() => browser.close());
  return browser;
}

/** Opens a page in a browser of its own. */
export async function openPage(t: TestContext): Promise<Page> {
  const browser = await openBrowser(t);
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.setDefaultTimeout(STEP_MS);
  return page;
}
