/**
 * The page at `/`, for people who open the URL of the server in a browser: what this is, how to connect, and its tools.
 *
 * This file decides who gets the page. It is written by `page-html.ts`, which is loaded when the first visitor comes. The
 * page is public: to callers who must authenticate, it shows neither tools nor instructions. It calls tools through `/mcp`
 * like any client, so nothing here serves a call.
 */
import { methodNotAllowedAtPageResponse, notFoundAtPageResponse } from '../protocol/errors.ts';
import { listsHtml, readsHtml } from '../protocol/accept.ts';
import type { SignIn } from './connections.ts';
import type { RenderPage } from './page-html.ts';
import type { DescribeServer } from './server-description.ts';

/** Options for {@link createConnectPage}. */
export interface ConnectPageOptions {
  /** Asks the server what to show. */
  describe: DescribeServer;
  /** The URL of the endpoint. @default that of the request, with `mcp` for its path */
  publicUrl: string | undefined;
  /** Whether clients of the 2025 revisions get sessions. */
  sessions: 'stateful' | 'stateless';
  /** How callers authenticate; `undefined` if they do not. */
  signIn: SignIn | undefined;
}

/** Answers a request to `/`: GET and HEAD with the page, or 404 if the client does not read HTML; other methods with 405. */
export type ConnectPage = (request: Request) => Promise<Response>;

/** Makes the page. It keeps nothing but its renderer. */
export function createConnectPage({ describe, publicUrl, sessions, signIn }: ConnectPageOptions): ConnectPage {
  let render: RenderPage | undefined;
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return methodNotAllowedAtPageResponse();
    // An MCP client that was given this URL by mistake.
    if (!readsHtml(request.headers.get('accept'))) return notFoundAtPageResponse();
    render ??= await (await import('./page-html.ts')).createRenderPage();
    // In the form that travels: a setting may have a name in any script, which neither a link nor a shell takes.
    const { href: url } = new URL(publicUrl ?? 'mcp', request.url);
    return render({ url, hasSessions: sessions === 'stateful', signIn, description: await describe() });
  };
}

/**
 * Sends a browser that opens `/mcp` to the page, with 303, and returns `undefined` for anything else. MCP clients do not ask
 * for HTML, and those that run in a browser do not navigate to the endpoint.
 */
export function redirectToPage(request: Request): Response | undefined {
  const { method, headers, url } = request;
  if (method !== 'GET') return undefined;
  const isNavigation = headers.get('sec-fetch-mode') === 'navigate' || listsHtml(headers.get('accept'));
  if (!isNavigation) return undefined;
  // Relative, because a proxy may have stripped a prefix from the path.
  const location = new URL(url).pathname.endsWith('/') ? '../' : './';
  return new Response(null, {
    status: 303,
    headers: { location, vary: 'Accept, Sec-Fetch-Mode', 'cache-control': 'no-store' },
  });
}
