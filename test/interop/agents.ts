/** Agent programs: what they say of the connection, then a conversation with a scripted model. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { NAME, PROMPT, type Agent } from './agent.ts';
import { AGENTS_ON_OPENAI } from './agents-on-openai.ts';
import { ALL_BUT_PROGRESS, SLUG, SLUGS, type CallSlugify, type InteropClient, type Stage } from './client.ts';
import { bin, versionOf } from './packages.ts';
import { createConversation } from './conversation.ts';
import { runProgram, startProgram } from './program.ts';
import { startScriptedModel } from './scripted-model.ts';

type Transport = InteropClient['transport'];

const NOTE = 'talks to a scripted model here. It asks for progress; whether it shows that is not looked at';

const CLAUDE_CODE: Agent = {
  name: 'Claude Code',
  package: 'claude-code',
  program: 'claude',
  note: `${NOTE}. Where a server takes long to start, it falls back to 2025-11-25`,
  era: 'either',
  connected: /^hono-mcp-server: .* - ✔ Connected$/m,
  async configure(stage, transport) {
    // As in docs/connect.md.
    const { url, command } = stage;
    const server =
      transport === 'HTTP' ? ['--transport', 'http', NAME, url] : [NAME, '--', command.command, ...command.args];
    await runProgram(stage, bin('claude-code', 'claude'), ['mcp', 'add', ...server]);
  },
  converse: ['--print', PROMPT, '--allowedTools', `mcp__${NAME}`],
  env: (modelUrl) => ({
    ANTHROPIC_BASE_URL: modelUrl,
    ANTHROPIC_API_KEY: 'none',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    // It starts to converse without a server that is not there yet, and offers tools when asked for them only.
    MCP_CONNECTION_NONBLOCKING: '0',
    MCP_CONNECT_TIMEOUT_MS: '30000',
    ENABLE_TOOL_SEARCH: 'false',
  }),
};

const GEMINI_CLI: Agent = {
  name: 'Gemini CLI',
  package: 'gemini-cli',
  program: 'gemini',
  note: NOTE,
  era: 'legacy',
  connected: /✓ hono-mcp-server: .* - Connected$/m,
  async configure({ folder, url, command }, transport) {
    const settings = {
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
      privacy: { usageStatisticsEnabled: false },
      security: { folderTrust: { enabled: false }, auth: { selectedType: 'gemini-api-key' } },
      mcpServers: { [NAME]: { trust: true, ...(transport === 'HTTP' ? { httpUrl: url } : command) } },
    };
    await mkdir(join(folder, '.gemini'));
    await writeFile(join(folder, '.gemini', 'settings.json'), JSON.stringify(settings));
  },
  converse: ['--prompt', PROMPT, '--model', 'gemini-2.5-pro'],
  env: (modelUrl) => ({ GOOGLE_GEMINI_BASE_URL: modelUrl, GEMINI_API_KEY: 'none' }),
};

const OPENCODE: Agent = {
  name: 'opencode',
  package: 'opencode',
  program: 'opencode',
  note: NOTE,
  era: 'legacy',
  connected: /✓ hono-mcp-server .*connected$/m,
  async configure({ folder, url, command }, transport, modelUrl) {
    const settings = {
      autoupdate: false,
      model: 'anthropic/scripted',
      small_model: 'anthropic/scripted',
      provider: {
        anthropic: {
          options: { baseURL: `${modelUrl}/v1`, apiKey: 'none' },
          models: { scripted: { name: 'scripted' } },
        },
      },
      mcp: {
        [NAME]:
          transport === 'HTTP'
            ? { type: 'remote', url }
            : { type: 'local', command: [command.command, ...command.args] },
      },
    };
    await writeFile(join(folder, 'opencode.json'), JSON.stringify(settings));
  },
  converse: ['run', '--pure', PROMPT],
  env: () => ({ OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1' }),
};

export const AGENTS: readonly InteropClient[] = [CLAUDE_CODE, GEMINI_CLI, OPENCODE, ...AGENTS_ON_OPENAI].flatMap(
  (agent) =>
    (agent.transports ?? (['HTTP', 'stdio'] as const)).map((transport) => ({
      name: agent.name,
      version: versionOf(agent.package),
      era: agent.era,
      transport,
      shows: ALL_BUT_PROGRESS,
      note: agent.note,
      needs: ['node 24', agent.package],
      run: (stage: Stage) => drive(agent, stage, transport),
      ...(transport === 'HTTP' && {
        reconnecting: 'it is started anew',
        stay: (stage: Stage) => converse(agent, stage),
      }),
    })),
);

async function drive(agent: Agent, stage: Stage, transport: Transport): Promise<void> {
  const model = await startScriptedModel(stage.t);
  await agent.configure(stage, transport, model.url);
  const run = (...args: string[]) => runProgram(stage, bin(agent.package, agent.program), args, agent.env(model.url));

  if (agent.connected) {
    const { stdout, stderr } = await run('mcp', 'list');
    // Some of them colour their output even in a pipe.
    assert.match(stripVTControlCharacters(stdout + stderr), agent.connected);
    stage.saw('connect');
  }
  await run(...agent.converse);
  const [slug = '', slugs = ''] = model.results;
  for (const name of [/slugify$/, /slugify[-_]batch$/]) {
    assert.ok(
      model.offered.some((offered) => name.test(offered)),
      `${name} is not among the tools that the model was offered: ${model.offered.join(', ')}`,
    );
  }
  stage.saw('connect');
  stage.saw('list');
  assert.ok(slug.includes(SLUG), slug);
  stage.saw('slugify');
  assert.ok(slugs.includes(SLUGS.at(-1) ?? ''), slugs);
  stage.saw('slugify-batch');
}

/** Begins a conversation in which `slugify` is called when the runner wants. */
async function converse(agent: Agent, stage: Stage): Promise<CallSlugify> {
  const { script, call } = createConversation();
  const model = await startScriptedModel(stage.t, script);
  await agent.configure(stage, 'HTTP', model.url);
  const program = startProgram(stage, bin(agent.package, agent.program), agent.converse, agent.env(model.url));
  const ended = program.ended.then(({ code }) => {
    throw new Error(`it ended with ${code}: ${program.stderr.text}${program.stdout.text}`);
  });
  // It is killed in the end, when nobody calls any more.
  ended.catch(() => {});
  return (text) => Promise.race([call(text), ended]);
}
