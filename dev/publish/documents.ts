/**
 * The files that describe the server elsewhere: `server.json` for the MCP registry, and the manifest of a bundle (`.mcpb`).
 *
 * Both are made from what the server says of itself, as the server card is (`src/card/server-card.ts`).
 */
import type { Implementation, Tool } from '@modelcontextprotocol/server';
import { remote, serverIdentity } from '../../src/card/server-card.ts';

const SERVER_SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';
const MANIFEST_VERSION = '0.3';
/** The registry takes only icons at https URLs of this length, in these types. */
const MAX_ICON_URL_CHARS = 255;
const ICON_TYPES = new Set([undefined, 'image/png', 'image/jpeg', 'image/jpg', 'image/svg+xml', 'image/webp']);

/** What {@link serverJson} cannot know from the server. */
export interface ServerJsonOptions {
  /** The URL that clients use. */
  url: URL;
  /** The name in the registry, in reverse-DNS form. @default made from the server's name and the host of the URL */
  name?: string | undefined;
  /** Where the source is. @default not said */
  repository?: URL | undefined;
  /** Whether callers need a static token. */
  takesToken: boolean;
}

/** Makes the `server.json` of a remote server, or throws if there is no name for it. */
export function serverJson(info: Implementation, { url, name, repository, takesToken }: ServerJsonOptions) {
  const identity = serverIdentity({ ...info, ...(name !== undefined && { name }) }, url.hostname);
  if (!identity) throw new Error(`${url.hostname} is an address, which no name can be made from: give one with --name`);
  if (name !== undefined && identity.name !== name) throw new Error(`${name} is not a name like com.example/slugs`);
  const { icons: all, ...who } = identity;
  const icons = all?.filter(
    ({ src, mimeType }) => src.startsWith('https:') && src.length <= MAX_ICON_URL_CHARS && ICON_TYPES.has(mimeType),
  );
  const [source] = repository?.hostname.replace(/^www\./, '').split('.') ?? [];
  return {
    $schema: SERVER_SCHEMA,
    ...who,
    ...(icons && icons.length > 0 && { icons }),
    ...(repository && { repository: { url: repository.href, source } }),
    remotes: [remote(url, takesToken)],
  };
}

/** What {@link bundleManifest} cannot know from the server. */
export interface BundleManifestOptions {
  /** Who publishes the bundle. */
  author: string;
  /** The Node.js versions that it runs on, as in `engines`. */
  node: string;
  /** The license, as in package.json. */
  license?: string | undefined;
}

/** Makes the `manifest.json` of a bundle that has the compiled server in `dist/`. */
export function bundleManifest(
  info: Implementation,
  tools: readonly Tool[],
  { author, node, license }: BundleManifestOptions,
) {
  const { title, version, description, websiteUrl } = info;
  const entry = 'dist/stdio-server.js';
  return {
    manifest_version: MANIFEST_VERSION,
    name: info.name.replace(/^.*\//, ''),
    ...(title !== undefined && { display_name: title }),
    version,
    description: description ?? title ?? info.name,
    author: { name: author },
    ...(websiteUrl !== undefined && { homepage: websiteUrl }),
    ...(license !== undefined && { license }),
    server: {
      type: 'node',
      entry_point: entry,
      // The host puts the folder of the bundle in the place of the variable.
      mcp_config: { command: 'node', args: [`\${__dirname}/${entry}`] },
    },
    tools: tools.map(({ name, description: about }) => ({ name, ...(about !== undefined && { description: about }) })),
    compatibility: { runtimes: { node } },
  };
}
