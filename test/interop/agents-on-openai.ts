/** Agent programs whose models speak one of OpenAI's APIs. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NAME, PROMPT, type Agent } from './agent.ts';

const LISTS = 'talks to a scripted model here. Whether it shows progress is not looked at';
const OFFERS =
  'talks to a scripted model here, and has connected when it offers that model the tools. Whether it shows progress is ' +
  'not looked at';

const CODEX: Agent = {
  name: 'Codex',
  package: 'codex',
  program: 'codex',
  note: OFFERS,
  era: 'legacy',
  async configure({ folder, url, command }, transport, modelUrl) {
    const server =
      transport === 'HTTP'
        ? `url = "${url}"`
        : `command = "${command.command}"\nargs = ${JSON.stringify(command.args)}`;
    const settings = `
model = "scripted"
model_provider = "scripted"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.scripted]
name = "scripted"
base_url = "${modelUrl}/v1"
wire_api = "responses"
[mcp_servers.${NAME}]
${server}
startup_timeout_sec = 60
# Otherwise it may begin to converse without it.
required = true
`;
    await writeIn(folder, ['.codex', 'config.toml'], settings);
  },
  converse: ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', PROMPT],
  env: () => ({}),
};

const QWEN_CODE: Agent = {
  name: 'Qwen Code',
  package: 'qwen-code',
  program: 'qwen',
  note: LISTS,
  era: 'legacy',
  connected: /✓ hono-mcp-server: .* - Connected$/m,
  async configure({ folder, url, command }, transport) {
    const settings = {
      general: { enableAutoUpdate: false },
      privacy: { usageStatisticsEnabled: false },
      memory: { enableManagedAutoMemory: false },
      security: { folderTrust: { enabled: false }, auth: { selectedType: 'openai' } },
      // It offers tools when asked for them only, unless told so.
      mcpServers: {
        [NAME]: { trust: true, alwaysLoadTools: true, ...(transport === 'HTTP' ? { httpUrl: url } : command) },
      },
    };
    await writeIn(folder, ['.qwen', 'settings.json'], JSON.stringify(settings));
  },
  converse: ['--yolo', '--prompt', PROMPT],
  env: (modelUrl) => ({ OPENAI_BASE_URL: `${modelUrl}/v1`, OPENAI_API_KEY: 'none', OPENAI_MODEL: 'scripted' }),
};

const COPILOT_CLI: Agent = {
  name: 'GitHub Copilot CLI',
  package: 'copilot',
  program: 'copilot',
  note: `${OFFERS}. It was seen to speak 2026-07-28, and on a busy machine 2025-11-25`,
  era: 'either',
  async configure({ folder, url, command }, transport) {
    const server = transport === 'HTTP' ? { type: 'http', url } : { type: 'local', ...command };
    const settings = { mcpServers: { [NAME]: { ...server, tools: ['*'] } } };
    await writeIn(folder, ['.copilot', 'mcp-config.json'], JSON.stringify(settings));
  },
  converse: ['--allow-all-tools', '--prompt', PROMPT],
  env: (modelUrl) => ({
    COPILOT_PROVIDER_BASE_URL: `${modelUrl}/v1`,
    COPILOT_PROVIDER_TYPE: 'openai',
    COPILOT_MODEL: 'scripted',
    COPILOT_OFFLINE: 'true',
    COPILOT_AUTO_UPDATE: 'false',
  }),
};

const CLINE: Agent = {
  name: 'Cline',
  package: 'cline',
  program: 'cline',
  note: `${OFFERS}. Over stdio it is not tried: it was seen to converse without the tools of a server that was slow to start`,
  transports: ['HTTP'],
  era: 'legacy',
  async configure({ folder, url, command }, transport, modelUrl) {
    const provider = 'openai-compatible';
    const settings = { provider, apiKey: 'none', model: 'scripted', baseUrl: `${modelUrl}/v1` };
    const updatedAt = '2026-01-01T00:00:00.000Z';
    const providers = {
      version: 1,
      lastUsedProvider: provider,
      modes: {},
      providers: { [provider]: { settings, updatedAt, tokenSource: 'manual' } },
    };
    const server = transport === 'HTTP' ? { type: 'streamableHttp', url } : { type: 'stdio', ...command };
    const servers = { mcpServers: { [NAME]: { transport: server } } };
    const path = ['.cline', 'data', 'settings'];
    await writeIn(folder, [...path, 'providers.json'], JSON.stringify(providers));
    await writeIn(folder, [...path, 'cline_mcp_settings.json'], JSON.stringify(servers));
  },
  converse: [PROMPT],
  // Otherwise it leaves a process behind that serves the next conversations.
  env: () => ({ CLINE_SESSION_BACKEND_MODE: 'local', CLINE_NO_AUTO_UPDATE: '1', DO_NOT_TRACK: '1' }),
};

const CONTINUE: Agent = {
  name: 'Continue CLI',
  package: 'continue',
  program: 'cn',
  note: OFFERS,
  era: 'legacy',
  async configure({ folder, url, command }, transport, modelUrl) {
    const model = { name: 'scripted', provider: 'openai', model: 'gpt-4o', apiKey: 'none', apiBase: `${modelUrl}/v1` };
    const server = transport === 'HTTP' ? { type: 'streamable-http', url } : { type: 'stdio', ...command };
    const settings = {
      name: 'interop',
      version: '1.0.0',
      schema: 'v1',
      models: [{ ...model, roles: ['chat'], capabilities: ['tool_use'] }],
      mcpServers: [{ name: NAME, ...server }],
    };
    // JSON is YAML.
    await writeIn(folder, ['config.yaml'], JSON.stringify(settings));
  },
  converse: ['--config', 'config.yaml', '--auto', '--print', PROMPT],
  env: () => ({ CONTINUE_CLI_ENABLE_TELEMETRY: '0', CONTINUE_CLI_AUTO_UPDATED: '1', DO_NOT_TRACK: '1' }),
};

export const AGENTS_ON_OPENAI: readonly Agent[] = [CODEX, QWEN_CODE, COPILOT_CLI, CLINE, CONTINUE];

async function writeIn(folder: string, path: readonly string[], text: string): Promise<void> {
  const file = join(folder, ...path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
