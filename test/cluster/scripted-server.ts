/** The servers of a node: `speak` does what the test says, the other tools do what their names say. */
import { setTimeout as delay } from 'node:timers/promises';
import { McpServer, type ServerContext } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema, type McpContext } from '../../src/tools.ts';
import type { Command, Question, Report } from './commands.ts';

/** A command for a call of `speak`. */
export type SpeechCommand = Extract<Command, { speech: string }>;

/** The servers of one node. */
export interface ScriptedServers {
  create(context: Pick<McpContext, 'state'>): McpServer;
  /** Has a call of `speak` do something. */
  speak(command: SpeechCommand): Promise<void>;
}

interface Speech {
  server: McpServer;
  context: ServerContext;
  end: (text: string) => void;
}

const named = cachedSchema(z.object({ name: z.string() }));
const timed = cachedSchema(z.object({ name: z.string(), ms: z.int(), steps: z.int().default(0) }));

/** @param report - Tells the test what happens. */
export function createScriptedServers({ node, report }: { node: string; report: (line: Report) => void }) {
  const speeches = new Map<string, Speech>();
  const servers: ScriptedServers = {
    create() {
      const server = new McpServer(
        { name: 'cluster', version: '1.0.0' },
        {
          capabilities: {
            logging: {},
            tools: { listChanged: true },
            prompts: { listChanged: true },
            resources: { subscribe: true, listChanged: true },
          },
        },
      );
      server.server.setNotificationHandler('notifications/roots/list_changed', () => report({ rootsChanged: true }));
      server.registerTool('node', {}, () => text(node));
      server.registerTool('speak', { inputSchema: named }, ({ name }, context) => {
        const said = new Promise<string>((end) => speeches.set(name, { server, context, end }));
        context.mcpReq.signal.addEventListener('abort', () => report({ cancelled: name }));
        report({ started: name });
        return said.then(text);
      });
      server.registerTool('work', { inputSchema: timed }, async ({ name, ms, steps }, { mcpReq }) => {
        report({ started: name });
        for (let step = 1; step <= steps; step += 1) {
          await delay(ms / (steps + 1));
          await progress(mcpReq, step, `${name} ${step}`);
        }
        await delay(ms / (steps + 1));
        report({ finished: name });
        return text(`${name} on ${node}`);
      });
      return server;
    },
    async speak(command) {
      const speech = speeches.get(command.speech);
      if (!speech) throw new Error(`There is no speech ${command.speech}`);
      const { server, context } = speech;
      if ('say' in command) await progress(context.mcpReq, ++said, command.say);
      else if ('tell' in command) await server.server.notification(logMessage(command.tell));
      else if ('end' in command) speech.end(command.end);
      else report({ answered: command.speech, with: await ask(speech, command.ask).catch(String) });
    },
  };
  let said = 0;
  return servers;
}

function text(content: string) {
  return { content: [{ type: 'text' as const, text: content }] };
}

function logMessage(data: string) {
  return { method: 'notifications/message' as const, params: { level: 'info' as const, data } };
}

async function progress({ notify, _meta }: ServerContext['mcpReq'], step: number, message: string): Promise<void> {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return;
  await notify({ method: 'notifications/progress', params: { progressToken, progress: step, message } });
}

/** In the call, or, about roots, outside of it: then the question goes out on the GET stream. */
async function ask({ server: { server }, context: { mcpReq } }: Speech, question: Question): Promise<string> {
  const inCall = { relatedRequestId: mcpReq.id };
  if (question === 'roots') return (await server.listRoots()).roots.map(({ uri }) => uri).join();
  if (question === 'model') {
    const said = { role: 'user' as const, content: { type: 'text' as const, text: 'Hello?' } };
    const { content } = await server.createMessage({ messages: [said], maxTokens: 10 }, inCall);
    return 'text' in content ? content.text : '';
  }
  const requestedSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } } };
  const { content } = await server.elicitInput({ message: 'Name?', requestedSchema }, inCall);
  return String(content?.['name']);
}
