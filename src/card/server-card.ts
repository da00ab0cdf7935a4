/**
 * The server card (SEP-2127): what registries and hosts read about a server before they connect.
 *
 * It is made from the `Implementation` that `createMcpServer` gives the SDK, and from the URL that clients use, and lists no tools.
 * `serve-card.ts` serves it. What is written for the MCP registry (docs/publishing.md) is made from the same values.
 *
 * @see https://github.com/modelcontextprotocol/modelcontextprotocol/pull/2127
 */
import { SUPPORTED_PROTOCOL_VERSIONS, type Implementation } from '@modelcontextprotocol/server';
import { isLoopback } from '../security/loopback.ts';

const SCHEMA = 'https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json';
/** The most characters that a title or a description may have, in the card as in the registry. */
const MAX_TEXT_CHARS = 100;
const MAX_NAME_CHARS = 200;
const MAX_VERSION_CHARS = 255;
/** A namespace in reverse-DNS form, and a name in it. */
const QUALIFIED_NAME = /^[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+\/[a-zA-Z0-9._-]+$/;
/** A website and an icon may be any text, and whoever shows a card makes a link of it: a `javascript:` URL would run there. */
const WEB_URL = /^https?:$/;
const ICON_URL = /^(?:https?|data):$/;
/** An IPv4 address, or the beginning of an IPv6 address, as `URL` writes them. */
const ADDRESS = /^\[|^\d+\.\d+\.\d+\.\d+$/;

/** Who a server is, as the card and the registry's `server.json` say it. */
export interface ServerIdentity {
  /** In reverse-DNS form, such as `com.example.mcp/slugs`. */
  name: string;
  version: string;
  description: string;
  title?: string;
  websiteUrl?: string;
  icons?: NonNullable<Implementation['icons']>;
}

/** How clients connect to a server. */
export interface Remote {
  type: 'streamable-http';
  url: string;
  headers?: { name: string; description: string; isRequired: boolean; isSecret: boolean }[];
  supportedProtocolVersions?: string[];
}

/** The card. */
export interface ServerCard extends ServerIdentity {
  $schema: string;
  remotes: Remote[];
}

/** Options for {@link serverCard}. */
export interface ServerCardOptions {
  /** The URL that clients use. */
  url: URL;
  /** Whether callers need a static token, which clients must ask their users for. With OAuth, clients find the sign-in themselves. */
  takesToken: boolean;
}

/** Makes the card of a server, or `undefined` if the server has no identity: see {@link serverIdentity}. */
export function serverCard(info: Implementation, { url, takesToken }: ServerCardOptions): ServerCard | undefined {
  const identity = serverIdentity(info, url.hostname);
  if (!identity) return undefined;
  const supportedProtocolVersions = ['2026-07-28', ...SUPPORTED_PROTOCOL_VERSIONS];
  return { $schema: SCHEMA, ...identity, remotes: [{ ...remote(url, takesToken), supportedProtocolVersions }] };
}

/** How to connect at `url`. It leaves out the revisions, because the registry's `server.json` has no place for them. */
export function remote(url: URL, takesToken: boolean): Remote {
  const description = 'Bearer, a space, and the token that the operator of the server has given you';
  const headers = [{ name: 'Authorization', description, isRequired: true, isSecret: true }];
  return { type: 'streamable-http', url: url.href, ...(takesToken && { headers }) };
}

/**
 * Makes the identity of a server. Its name is the one of `info` if that is in reverse-DNS form, and otherwise the host, reversed,
 * with the name behind it: `slugs` at `mcp.example.com` is `com.example.mcp/slugs`, and on this machine `localhost/slugs`. A
 * title or description that is too long is cut; a server without a description is described by its title or name. Its website
 * must be at an http or https URL, and so must an icon, unless that is a data URL; others are left out.
 *
 * Returns `undefined` if the host is an address, which no name can be made from, or if the name or version is too long.
 */
export function serverIdentity(info: Implementation, hostname: string): ServerIdentity | undefined {
  const name = qualifiedName(info.name, hostname);
  if (name === undefined || name.length > MAX_NAME_CHARS || info.version.length > MAX_VERSION_CHARS) return undefined;
  const title = shortText(info.title);
  const icons = info.icons?.filter(({ src }) => hasProtocol(src, ICON_URL)) ?? [];
  return {
    name,
    version: info.version,
    description: shortText(info.description) ?? title ?? shortText(info.name) ?? name.slice(0, MAX_TEXT_CHARS),
    ...(title !== undefined && { title }),
    ...(hasProtocol(info.websiteUrl, WEB_URL) && { websiteUrl: info.websiteUrl }),
    ...(icons.length > 0 && { icons }),
  };
}

function hasProtocol(url: string | undefined, allowed: RegExp): url is string {
  return url !== undefined && URL.canParse(url) && allowed.test(new URL(url).protocol);
}

function qualifiedName(name: string, hostname: string): string | undefined {
  if (QUALIFIED_NAME.test(name)) return name;
  const host = hostname.replace(/\.$/, '');
  if (ADDRESS.test(host) && !isLoopback(host)) return undefined;
  const namespace = isLoopback(host) ? 'localhost' : host.replaceAll('_', '-').split('.').toReversed().join('.');
  // Only these characters are allowed; a name in another script may have none of them.
  const inside = name.replaceAll(/[^a-zA-Z0-9._-]+/g, '-').replaceAll(/^-+|-+$/g, '');
  return `${namespace}/${inside || 'mcp'}`;
}

/** A text of at most 100 characters, cut at the end of a word if one fits; `undefined` if there is none. */
function shortText(text = ''): string | undefined {
  const characters = Array.from(text.trim());
  if (characters.length === 0) return undefined;
  if (characters.length <= MAX_TEXT_CHARS) return characters.join('');
  const fitting = characters.slice(0, MAX_TEXT_CHARS - 1).join('');
  return `${fitting.replace(/[\s,;:.]+\S*$/, '') || fitting}…`;
}
