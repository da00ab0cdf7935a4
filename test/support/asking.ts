/** A server whose tools ask, and remember what they have asked in a request state that the client carries. */
import { inputRequired, McpServer, type GetPromptResult, type ServerContext } from '@modelcontextprotocol/server';
import * as z from 'zod';
import type { CreateServer } from '../../src/tools.ts';

/** What a client can do that is asked. */
export const ASKABLE = { elicitation: { form: {} } };

/** How a client answers. */
export const ANSWERS = { question: { action: 'accept', content: { ok: true } } };

/** What was carried, with the number of the call that asked. */
export interface Carried {
  asked: number;
}

/** Counts how often tools were called, with a state and without. */
export interface AskingServers {
  createServer: CreateServer;
  calls: number;
}

/** Makes servers with the tools `ask` and `ask-too`, and the prompt `ask`: each says in its answer what was carried. */
export function askingServers(): AskingServers {
  const servers: AskingServers = { createServer, calls: 0 };
  const question = inputRequired.elicit({
    message: 'Go on?',
    requestedSchema: z.object({ ok: z.boolean() }),
  });

  function createServer({ requestState }: Parameters<CreateServer>[0]): McpServer {
    const server = new McpServer({ name: 'asking', version: '1.0.0' }, { requestState });
    const ask = async (context: ServerContext) => {
      servers.calls += 1;
      const carried = context.mcpReq.requestState<Carried>();
      if (carried !== undefined) return JSON.stringify(carried);
      const state: Carried = { asked: servers.calls };
      return inputRequired({ inputRequests: { question }, requestState: await requestState.mint(state, context) });
    };
    for (const name of ['ask', 'ask-too']) {
      server.registerTool(name, { inputSchema: z.looseObject({}) }, async (_args, context) => {
        const said = await ask(context);
        return typeof said === 'string' ? { content: [{ type: 'text', text: said }] } : said;
      });
    }
    server.registerPrompt('ask', { argsSchema: z.looseObject({}) }, async (_args, context) => {
      const said = await ask(context);
      if (typeof said !== 'string') return said;
      return { messages: [{ role: 'user', content: { type: 'text', text: said } }] } satisfies GetPromptResult;
    });
    return server;
  }

  return servers;
}
