/**
 * Writes the page at `/` as one HTML document with its style and its script, and the headers that restrict what it may do.
 *
 * Its Content-Security-Policy allows exactly this style and this script, by their hashes, and requests to this server
 * only. Everything that the tool file says is escaped, so no text of a tool becomes HTML.
 *
 * @see https://www.w3.org/TR/CSP3/
 */
import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server';
import { html, raw } from 'hono/html';
import { BROWSER_SCRIPT } from './browser-script.ts';
import { CALL_SCRIPT } from './call-script.ts';
import { clientCommands, curlCommands, installLinks, type Command, type SignIn } from './connections.ts';
import { FORM_SCRIPT } from './form-script.ts';
import { PAGE_STYLE } from './page-style.ts';
import type { ServerDescription } from './server-description.ts';
import { toolsHtml, toolTemplates, WORDS_SCRIPT } from './tool-html.ts';

/** What a page shows. */
export interface PageView {
  /** The URL of the endpoint. */
  url: string;
  /** What the server says of itself; `undefined` if it could not be asked. */
  description: ServerDescription | undefined;
  /** Whether clients of the 2025 revisions get sessions. */
  hasSessions: boolean;
  /** How callers authenticate; `undefined` if they do not. Then the page shows the tools. */
  signIn: SignIn | undefined;
}

/** Writes a page. */
export type RenderPage = (view: PageView) => Promise<Response>;

/** Text that is HTML already. */
type Html = Awaited<ReturnType<typeof html>>;

const MODERN = '2026-07-28';
const SCRIPT = CALL_SCRIPT + FORM_SCRIPT + WORDS_SCRIPT + BROWSER_SCRIPT;
/** A dot between two brackets. A page with no icon of its own would make browsers ask for /favicon.ico. */
const ICON =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#14595c"/>' +
      '<path d="M6 4H4v8h2M10 4h2v8h-2" fill="none" stroke="#fff" stroke-width="1.5"/><circle cx="8" cy="8" r="1.3" fill="#fff"/></svg>',
  );

/** Makes the function that writes pages. It hashes the style and the script, which never change. */
export async function createRenderPage(): Promise<RenderPage> {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${await sha256(PAGE_STYLE)}'`,
    `script-src 'sha256-${await sha256(SCRIPT)}'`,
    "connect-src 'self'",
    'img-src data:',
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
    vary: 'Accept',
  };
  const writeTools = createToolWriter();
  return async (view) => new Response(String(await pageHtml(view, await writeTools(view))), { headers });
}

/**
 * Makes the function that writes the tools, once for each description: many tools take much longer than the rest of the page,
 * and anyone may ask for it, as often as they like.
 */
function createToolWriter() {
  const written = new WeakMap<ServerDescription, Html>();
  return async ({ description, signIn }: PageView): Promise<Html> => {
    if (signIn) return signInHtml();
    if (!description) return noToolsHtml();
    const known = written.get(description);
    if (known !== undefined) return known;
    const made = await openToolsHtml(description);
    written.set(description, made);
    return made;
  };
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return btoa(String.fromCodePoint(...new Uint8Array(digest)));
}

function pageHtml(view: PageView, tools: Html) {
  const title = view.description?.serverInfo.title ?? view.description?.serverInfo.name ?? 'MCP server';
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="${ICON}" />
        ${raw(`<style>${PAGE_STYLE}</style>`)}
      </head>
      <body>
        <a class="skip" href="#tools">Skip to the tools</a>
        <div class="page">
          ${headerHtml(view, title)}
          <main>${connectHtml(view)} ${toolSectionHtml(tools)}</main>
          <footer>
            <p>This page belongs to an MCP server. <code>MCP_CONNECT_PAGE=off</code> turns it off.</p>
          </footer>
        </div>
        <p class="visually-hidden" role="status" id="copied"></p>
        ${toolTemplates()} ${raw(`<script type="module">${SCRIPT}</script>`)}
      </body>
    </html>`;
}

function headerHtml({ url, description, hasSessions, signIn }: PageView, title: string) {
  const { name, version, description: about, websiteUrl } = description?.serverInfo ?? {};
  return html`<header>
    <p class="eyebrow">MCP server</p>
    <h1>${title}</h1>
    ${about === undefined ? '' : html`<p class="about">${about}</p>`}
    <p class="what">
      Assistants and editors that speak the
      <a href="https://modelcontextprotocol.io" rel="noreferrer">Model Context Protocol</a> can connect to this server
      and use its tools.
    </p>
    <p class="label">Endpoint</p>
    <p class="line endpoint">${copyable(url, 'the URL')}</p>
    <dl class="facts">
      ${fact('Name', name === undefined ? undefined : html`<code>${name}</code> ${version}`)}
      ${fact('Transport', 'Streamable HTTP')} ${fact('Protocol', protocolText(hasSessions))}
      ${fact('Sign-in', signInText(signIn))}
      ${fact('Website', isWebUrl(websiteUrl) ? html`<a href="${websiteUrl}" rel="noreferrer">${websiteUrl}</a>` : undefined)}
    </dl>
  </header>`;
}

function fact(name: string, value: unknown) {
  return value === undefined
    ? ''
    : html`<div>
        <dt>${name}</dt>
        <dd>${value}</dd>
      </div>`;
}

function protocolText(hasSessions: boolean): string {
  const earlier = SUPPORTED_PROTOCOL_VERSIONS.filter((revision) => revision !== MODERN).toSorted();
  return `${MODERN}, and ${earlier[0]} to ${earlier.at(-1)} ${hasSessions ? 'with' : 'without'} sessions`;
}

function signInText(signIn: SignIn | undefined): string {
  if (!signIn) return 'not needed';
  const { issuer, hasStaticTokens } = signIn;
  if (issuer !== undefined) return `OAuth at ${issuer}${hasStaticTokens ? ', or a token from the operator' : ''}`;
  return hasStaticTokens ? 'a bearer token from the operator' : 'needed';
}

/** A website may be any text. A link to a script would run it. */
function isWebUrl(text: string | undefined): boolean {
  return text !== undefined && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function connectHtml({ url, description, signIn }: PageView) {
  const options = { name: description?.serverInfo.name ?? '', url, signIn };
  return html`<section aria-labelledby="connect">
    <h2 id="connect">Connect</h2>
    <p>Add the server to a client with one click:</p>
    <ul class="links">
      ${installLinks(options).map(({ client, href }) => html`<li><a href="${href}">${client}</a></li>`)}
    </ul>
    ${signIn ? html`<p>${signInHint(signIn)}</p>` : ''}
    <p>Or in a terminal:</p>
    ${clientCommands(options).map(commandHtml)}
    <details class="more">
      <summary>With curl</summary>
      ${curlCommands(options).map(commandHtml)}
    </details>
  </section>`;
}

function signInHint({ issuer }: SignIn): string {
  if (issuer !== undefined) return 'The client then opens a browser, where you sign in.';
  return 'Then give the client your token, as the header "Authorization: Bearer YOUR_TOKEN". No link on this page contains one.';
}

function commandHtml({ client, text }: Command) {
  return html`<div class="command">
    <h3>${client}</h3>
    <p class="line">${copyable(text, `the line for ${client}`)}</p>
  </div>`;
}

/** A text and the button that copies it, which the script shows. No line ends inside an option such as `--header`. */
function copyable(text: string, what: string) {
  const words = text.split(/(\s+)/).map((word) => (/^\s/.test(word) ? word : html`<span>${word}</span>`));
  return html`<code>${words}</code><button type="button" class="copy" hidden>Copy${hidden(` ${what}`)}</button>`;
}

/** A text for screen readers. */
function hidden(text: string) {
  return html`<span class="visually-hidden">${text}</span>`;
}

function toolSectionHtml(tools: Html) {
  return html`<section aria-labelledby="tools">
    <h2 id="tools">Tools</h2>
    <p id="no-script">To call a tool from this page, allow JavaScript.</p>
    ${tools}
  </section>`;
}

function openToolsHtml({ instructions, tools }: ServerDescription) {
  return html`${
    instructions === undefined
      ? ''
      : html`<h3>Instructions for models</h3>
          <blockquote>${instructions}</blockquote>`
  }
  ${toolListHtml(tools)}`;
}

function toolListHtml(tools: ServerDescription['tools']) {
  if (!tools) return noToolsHtml();
  return tools.length === 0
    ? html`<p>This server has no tools.</p>`
    : html`<div id="tool-list">${toolsHtml(tools)}</div>`;
}

function noToolsHtml() {
  return html`<p>The server could not be asked for its tools. Its log says why.</p>`;
}

function signInHtml() {
  return html`<p>Only callers who have signed in see the tools.</p>
    <form id="token-form" hidden>
      <label>
        <span class="label">Access token</span>
        <input type="password" id="token" autocomplete="off" spellcheck="false" required />
      </label>
      <p class="note">It is sent to this server only, and forgotten when you leave the page.</p>
      <p class="actions"><button class="primary">Show the tools</button></p>
      <div class="outcome" role="status"></div>
    </form>
    <div id="tool-list"></div>`;
}
