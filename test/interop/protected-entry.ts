/** The HTTP entry with authorization: its callers sign in at the development IdP, which runs in this process. */
import type { TestContext } from 'node:test';
import { startIdp } from '../../dev/idp/server.ts';
import { startHttpEntry } from '../support/process.ts';

/**
 * Starts both.
 *
 * @param url - The URL that the client uses: tokens are issued for that.
 * @returns the URL that the entry listens on.
 */
export async function startProtectedEntry(t: TestContext, url: string): Promise<string> {
  const idp = await startIdp();
  t.after(() => idp.close());
  const entry = await startHttpEntry(t, { env: { MCP_OAUTH_ISSUER: idp.issuer, MCP_PUBLIC_URL: url } });
  return entry.url;
}
