/**
 * How to connect a client: links that install the server with one click, and commands to copy. Each is in the form that the
 * client documents. None of them contains a token: a link ends up in histories and logs.
 */

/** How callers authenticate. */
export interface SignIn {
  /** The authorization server where users sign in, if there is one. */
  issuer: string | undefined;
  /** Whether the operator gives out tokens. */
  hasStaticTokens: boolean;
}

/** A link that opens a client, which then asks its user whether to add the server. */
export interface InstallLink {
  client: string;
  href: string;
}

/** A command, which may have several lines. */
export interface Command {
  client: string;
  text: string;
}

/** What the links and commands are made from. */
export interface ConnectionOptions {
  /** The name of the server. */
  name: string;
  /** The URL of the endpoint. */
  url: string;
  /** How callers authenticate; `undefined` if they do not. */
  signIn: SignIn | undefined;
}

/** The characters that a shell leaves alone. */
const PLAIN_WORD = /^[\w:/.@%+=,~-]+$/;
/** Stands for a token, which the user fills in. */
const PLACEHOLDER = 'YOUR_TOKEN';
const MODERN = '2026-07-28';
const LEGACY = '2025-11-25';

/**
 * The links that clients document:
 * [VS Code](https://code.visualstudio.com/api/extension-guides/ai/mcp#create-an-mcp-installation-url),
 * [Cursor](https://cursor.com/docs/mcp/install-links) and [LM Studio](https://lmstudio.ai/docs/app/mcp/deeplink).
 */
export function installLinks({ name, url }: ConnectionOptions): InstallLink[] {
  const id = clientName(name);
  const query = `name=${id}&config=${encodeURIComponent(btoa(JSON.stringify({ url })))}`;
  const vsCode = encodeURIComponent(JSON.stringify({ name: id, type: 'http', url }));
  return [
    { client: 'VS Code', href: `vscode:mcp/install?${vsCode}` },
    { client: 'Cursor', href: `cursor://anysphere.cursor-deeplink/mcp/install?${query}` },
    { client: 'LM Studio', href: `lmstudio://add_mcp?${query}` },
  ];
}

/** The commands that add the server to programs. Where these need a token, the command has a placeholder for it. */
export function clientCommands({ name, url, signIn }: ConnectionOptions): Command[] {
  const id = clientName(name);
  const target = shellWord(url);
  // Clients that support OAuth need no token: they sign their user in.
  const needsToken = signIn !== undefined && signIn.issuer === undefined;
  const header = needsToken ? ` --header "Authorization: Bearer ${PLACEHOLDER}"` : '';
  const variable = needsToken ? ' --bearer-token-env-var MCP_TOKEN' : '';
  return [
    { client: 'Claude Code', text: `claude mcp add --transport http ${id} ${target}${header}` },
    { client: 'Codex', text: `codex mcp add ${id} --url ${target}${variable}` },
    { client: 'Gemini CLI', text: `gemini mcp add --transport http${header} ${id} ${target}` },
    {
      client: 'MCP Inspector',
      text: `npx @modelcontextprotocol/inspector --cli ${target}${header} --method tools/list`,
    },
  ];
}

/** One request of each era with curl. */
export function curlCommands({ url, signIn }: ConnectionOptions): Command[] {
  const common = [
    `curl ${shellWord(url)}`,
    ...(signIn ? [`-H 'Authorization: Bearer ${PLACEHOLDER}'`] : []),
    "-H 'Content-Type: application/json'",
    "-H 'Accept: application/json, text/event-stream'",
  ];
  const clientInfo = { name: 'curl', version: '8' };
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': clientInfo,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const modern = [`-H 'MCP-Protocol-Version: ${MODERN}'`, "-H 'Mcp-Method: tools/list'"];
  const initialize = { protocolVersion: LEGACY, capabilities: {}, clientInfo };
  const command = (client: string, headers: string[], method: string, params: object): Command => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    return { client, text: [...common, ...headers, `-d '${body}'`].join(' \\\n  ') };
  };
  return [
    command(`curl, ${MODERN}`, modern, 'tools/list', { _meta: envelope }),
    command(`curl, ${LEGACY} and earlier`, [], 'initialize', initialize),
  ];
}

/** The name of the server in a form that every client and shell takes. */
function clientName(name: string): string {
  return name.replaceAll(/\W+/g, '-').replaceAll(/^-|-$/g, '') || 'mcp-server';
}

/** A URL as one word of a shell. */
function shellWord(text: string): string {
  return PLAIN_WORD.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
