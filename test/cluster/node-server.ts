/**
 * An entry like `src/http-server.ts` whose tools do what the test says: its name is in `NODE_NAME`, its commands come on
 * stdin, and it reports on stdout (`commands.ts`).
 */
import { createInterface } from 'node:readline';
import { serve } from '../../src/node/serve.ts';
import { createNotifier } from '../../src/tools.ts';
import type { Command, Report } from './commands.ts';
import { createScriptedServers } from './scripted-server.ts';

const { NODE_NAME = 'node', ...env } = process.env;
const notify = createNotifier();
const report = (line: Report) => void process.stdout.write(`${JSON.stringify(line)}\n`);
const servers = createScriptedServers({ node: NODE_NAME, report });

function obey(command: Command): void {
  if ('speech' in command) void servers.speak(command);
  else if ('updated' in command) notify.resourceUpdated(command.updated);
  else if ('log' in command) notify.log(command.session, { level: command.level ?? 'info', data: command.log });
  else if (command.changed === 'tools') notify.toolsChanged();
  else notify.promptsChanged();
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => obey(JSON.parse(line) as Command));
// The test is gone.
lines.on('close', () => process.exit(1));
await serve((context) => servers.create(context), {
  env,
  notify,
  onSessionEnd: (ended, reason) => report({ ended, reason }),
});
