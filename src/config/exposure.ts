/** What the settings mean for the outside: who can reach the server, who must authenticate, and which URLs clients use. */
import { isLoopback } from '../security/loopback.ts';
import type { Config } from './config.ts';

/** Whether callers must authenticate. */
export function isAuthorized({ authTokens, oauthIssuer }: Pick<Config, 'authTokens' | 'oauthIssuer'>): boolean {
  return authTokens.length > 0 || oauthIssuer !== undefined;
}

/** Whether callers need a token that the operator has given out, because there is no authorization server to get one from. */
export function takesOnlyTokens({ authTokens, oauthIssuer }: Pick<Config, 'authTokens' | 'oauthIssuer'>): boolean {
  return authTokens.length > 0 && oauthIssuer === undefined;
}

/** Why other machines can reach the server, in words; `undefined` if they cannot. */
export function exposure({ host, publicUrl }: Pick<Config, 'host' | 'publicUrl'>): string | undefined {
  if (!isLoopback(host)) return `HOST=${host} listens beyond loopback`;
  if (publicUrl !== undefined && !isLoopback(new URL(publicUrl).hostname)) {
    return `MCP_PUBLIC_URL=${publicUrl} is beyond loopback`;
  }
  return undefined;
}

/** Whether callers must be protected from each other. If not, all of them are the user of this machine. */
export function isShared(config: Config): boolean {
  return isAuthorized(config) || exposure(config) !== undefined;
}

/**
 * The canonical URI of this server (RFC 8707 section 2), which is the URL that clients use. On loopback, it follows from
 * the address that the server listens on. Otherwise only `MCP_PUBLIC_URL` tells; without it, this is `undefined`.
 */
export function canonicalUrl({ host, port, publicUrl }: Pick<Config, 'host' | 'port' | 'publicUrl'>): URL | undefined {
  if (publicUrl !== undefined) return new URL(publicUrl);
  if (!isLoopback(host) || port === 0) return undefined;
  return new URL(`http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}/mcp`);
}

/**
 * The URLs that clients may use, the canonical one first. Clients compare their URL exactly with the one in the metadata
 * (RFC 9728 section 3.3), and on loopback they also use `localhost`.
 */
export function clientUrls(config: Pick<Config, 'host' | 'port' | 'publicUrl'>): URL[] {
  const canonical = canonicalUrl(config);
  if (!canonical) return [];
  const localhost = new URL(canonical);
  localhost.hostname = 'localhost';
  return config.publicUrl !== undefined || localhost.href === canonical.href ? [canonical] : [canonical, localhost];
}
