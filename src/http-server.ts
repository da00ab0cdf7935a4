/** Entry: the tools over Streamable HTTP at `/mcp`. Settings come from the environment; `--help` lists them. */
// First: it compiles the schemas that are made after it.
import 'zod/compile';
import { getConnInfo } from '@hono/node-server/conninfo';
import { createApp } from './app.ts';
import { ConfigError, loadConfig, settingsTable, unknownSettings, type Config } from './config/config.ts';
import { listen } from './node/listen.ts';
import { createMcpServer } from './mcp-server.ts';
import { stopOnSignals } from './node/shutdown.ts';
import { applySchemaShortcuts } from './shortcuts/schemas.ts';
import { createLogger } from './telemetry/log.ts';

const write = (line: string) => void process.stderr.write(`${line}\n`);

const [option] = process.argv.slice(2);
if (option === '--help' || option === '-h') {
  const rows = settingsTable().map(({ variable, fallback, meaning }) => [
    variable.padEnd(36),
    fallback.padEnd(10),
    meaning,
  ]);
  process.stdout.write(`Settings (environment variables):\n\n${rows.map((row) => row.join(' ')).join('\n')}\n`);
  process.exit(0);
}

try {
  if (option !== undefined)
    throw new ConfigError(`${option} is no option: settings are environment variables, see --help.`);
  await serve(loadConfig(process.env));
} catch (error) {
  // What a person can mend is said in a line; anything else is a bug and wants its stack.
  if (!(error instanceof ConfigError)) throw error;
  write(error.message);
  process.exit(1);
}

async function serve(config: Config): Promise<void> {
  applySchemaShortcuts(config.shortcuts);
  const log = createLogger({ level: config.logLevel, write });
  for (const name of unknownSettings(process.env)) log.warn('not a setting of this server; see --help', { name });
  const app = createApp(createMcpServer, { config, log, connInfo: getConnInfo });
  const listener = await listen(app, {
    ...config,
    onerror: (error) => log.error('listening', { error: error.message }),
  });

  const host = config.host.includes(':') ? `[${config.host.replace(/[[\]]/g, '')}]` : config.host;
  const listening = `http://${host}:${listener.port}/mcp`;
  const url = config.publicUrl ?? listening;
  write(`MCP server listening on ${listening} (${config.sessions})`);
  if (url !== listening) write(`  Clients use  ${url}`);
  if (config.oauthIssuer !== undefined) write(`  Tokens from  ${config.oauthIssuer}`);
  if (config.authTokens.length > 0) write(`  Tokens of    ${config.authTokens.map(({ name }) => name).join(', ')}`);
  const header = config.authTokens.length > 0 ? ' --header "Authorization: Bearer TOKEN"' : '';
  write(`  Claude Code  claude mcp add --transport http my-server ${url}${header}`);
  write(`  Inspector    npx @modelcontextprotocol/inspector --cli ${url}${header} --method tools/list`);

  stopOnSignals({ app, listener, log });
}
