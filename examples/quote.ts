/**
 * Request state: a tool that must know, when the user has answered, what it has asked.
 *
 * The price differs from call to call, and the user agrees to one of them. The server keeps nothing meanwhile: the client
 * carries the price from the question to the answer, which may reach another node. `requestState` signs it for this caller
 * and this request, so that no client can pay a price of its own. The price is good for ten minutes, as often as the client
 * likes: what may happen only once needs an id that the server keeps.
 */
import { acceptedContent, inputRequired, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema, type McpContext } from '../src/tools.ts';

/** What the client carries. It can read it, so a secret has no place here. */
interface Quote {
  euros: string;
}

const agreement = z.object({ agreed: z.boolean().describe('Whether you want to buy at this price') });

const buyDollars = {
  description: 'Buy dollars at the price of the moment, once the user has agreed to it.',
  annotations: { title: 'Buy dollars', readOnlyHint: false, destructiveHint: true },
  inputSchema: cachedSchema(z.object({ dollars: z.int().min(1).max(1000) })),
};

const text = (message: string) => ({ content: [{ type: 'text' as const, text: message }] });

/** Builds a server with a tool that shows the user a price. */
export function createMcpServer({ requestState }: McpContext): McpServer {
  // With this, only what was signed here reaches the tools; the SDK refuses anything else.
  const server = new McpServer({ name: 'quote', version: '1.0.0' }, { requestState });

  server.registerTool('buy-dollars', buyDollars, async ({ dollars }, context) => {
    const { mcpReq } = context;
    const quote = mcpReq.requestState<Quote>();
    if (quote === undefined) {
      const euros = (dollars * (0.8 + Math.random() / 10)).toFixed(2);
      const message = `Buy ${dollars} dollars for ${euros} euros?`;
      const price = inputRequired.elicit({ message, requestedSchema: agreement });
      const state: Quote = { euros };
      return inputRequired({ inputRequests: { price }, requestState: await requestState.mint(state, context) });
    }
    if (!acceptedContent(mcpReq.inputResponses, 'price', agreement)?.agreed) return text('Nothing was bought.');
    return text(`Bought ${dollars} dollars for ${quote.euros} euros.`);
  });
  return server;
}
