/**
 * Prints a file that describes the server elsewhere:
 *
 *     node --import ./loader.mjs dev/publish/main.ts server.json --url https://mcp.example.com/mcp
 *     node --import ./loader.mjs dev/publish/main.ts manifest.json --author "Your Name"
 *
 * docs/publishing.md says what to do with it. Nothing is sent anywhere.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import * as toolFile from '../../src/mcp-server.ts';
import { createServerDescription } from '../../src/page/server-description.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { standaloneContext, type ToolFile } from '../../src/tools.ts';
import { bundleManifest, serverJson } from './documents.ts';

const USAGE = `Usage:
  main.ts server.json --url URL [--name NAME] [--repository URL] [--token]
  main.ts manifest.json --author NAME

  --url         the URL that clients use
  --name        the name in the registry, such as com.example/slugs; by default made from the URL
  --repository  where the source is
  --token       say that clients need a static token
  --author      who publishes the bundle
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string' },
    name: { type: 'string' },
    repository: { type: 'string' },
    token: { type: 'boolean', default: false },
    author: { type: 'string' },
  },
});

// Not every tool file takes the context.
const { createMcpServer }: ToolFile = toolFile;

const describe = createServerDescription({
  buildServer: async () => createMcpServer(standaloneContext()),
  clock: systemClock,
  log: createLogger({ level: 'warn' }),
});

/** The file that the command line asks for; `undefined` if something is missing there. */
async function document(): Promise<object | undefined> {
  const { url, name, repository, token, author } = values;
  const description = await describe();
  if (!description) throw new Error('The server could not be asked who it is');
  const { serverInfo, tools } = description;
  if (positionals[0] === 'server.json' && url !== undefined) {
    const source = repository === undefined ? undefined : new URL(repository);
    return serverJson(serverInfo, { url: new URL(url), name, repository: source, takesToken: token });
  }
  if (positionals[0] !== 'manifest.json' || author === undefined) return undefined;
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { engines, license } = JSON.parse(text) as { engines: { node: string }; license?: string };
  if (!tools) throw new Error('The server could not be asked for its tools');
  return bundleManifest(serverInfo, tools, { author, license, node: engines.node });
}

const made = await document();
if (made) {
  process.stdout.write(`${JSON.stringify(made, undefined, 2)}\n`);
} else {
  process.stderr.write(USAGE);
  process.exitCode = 1;
}
