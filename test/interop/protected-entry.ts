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
  const entry = await startHttpEntry(t, { env: await protectedBy(t, url) });
  return entry.url;
}

/** Starts the IdP; resolves to the settings of an entry that clients use at `url`. */
export async function protectedBy(t: TestContext, url: string): Promise<Record<string, string>> {
  const idp = await startIdp();
  t.after(() => idp.close());
  return { MCP_OAUTH_ISSUER: idp.issuer, MCP_PUBLIC_URL: url };
}
