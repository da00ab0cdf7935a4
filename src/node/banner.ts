/** The texts that the HTTP server prints for people: where it listens, how to connect, and the help. */
import { settingsTable, type Config } from '../config/config.ts';

/** The lines to print once the server listens on `port`, and serves metrics on `metricsPort`, if it does. */
export function bannerLines(config: Config, port: number, metricsPort?: number): string[] {
  const listening = `http://${urlHost(config.host)}:${port}/mcp`;
  const url = config.publicUrl ?? listening;
  const header = config.authTokens.length > 0 ? ' --header "Authorization: Bearer TOKEN"' : '';
  const lines = [`MCP server listening on ${listening} (${config.sessions})`];
  if (url !== listening) lines.push(`  Clients use  ${url}`);
  if (config.oauthIssuer !== undefined) lines.push(`  Tokens from  ${config.oauthIssuer}`);
  if (config.authTokens.length > 0)
    lines.push(`  Tokens of    ${config.authTokens.map(({ name }) => name).join(', ')}`);
  if (metricsPort !== undefined) {
    lines.push(`  Metrics      http://${urlHost(config.metricsHost)}:${metricsPort}/metrics`);
  }
  if (config.sessions === 'stateful' && config.maxLiveSessions === 0) {
    lines.push(
      '  Development  MCP_MAX_LIVE_SESSIONS=0 drops the server of a session after every request, to show what a',
    );
    lines.push('               restart or another instance does in production. Do not set it there');
  }
  if (config.connectPage) lines.push(`  In a browser ${url.replace(/mcp$/, '')}`);
  lines.push(`  Claude Code  claude mcp add --transport http hono-mcp-server ${url}${header}`);
  lines.push(`  Inspector    npx @modelcontextprotocol/inspector --cli ${url}${header} --method tools/list`);
  return lines;
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host.replace(/[[\]]/g, '')}]` : host;
}

/** The text of `--help`: every setting, with its default and meaning. */
export function helpText(): string {
  const rows = settingsTable().map(({ variable, fallback, meaning }) =>
    [variable.padEnd(36), fallback.padEnd(10), meaning].join(' '),
  );
  return `Settings (environment variables):\n\n${rows.join('\n')}\n`;
}
