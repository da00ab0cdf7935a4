/**
 * Elicitation: a tool that asks the user. One handler serves both protocol eras.
 *
 * The handler returns its question, and is called again, from its start, with the answer. In 2026-07-28 the client repeats
 * the call; for a session of an earlier revision, the SDK sends the client an `elicitation/create` request and then calls
 * the handler itself.
 */
import { acceptedContent, inputRequired, inputResponse, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema } from '../src/tools.ts';

/** Forms are flat: texts, numbers, choices and check boxes. */
const tableForm = z.object({
  guests: z.int().min(1).max(12).describe('How many you are'),
  time: z.enum(['18:00', '20:00']).describe('When you come'),
  outside: z.boolean().default(false).describe('Whether you would like to sit outside'),
});

const bookTable = {
  description: 'Book a table for tonight. Asks the user for the time and the number of guests.',
  annotations: { title: 'Book a table', readOnlyHint: false, destructiveHint: false },
  inputSchema: cachedSchema(z.object({ restaurant: z.string().max(100) })),
};

const text = (message: string) => ({ content: [{ type: 'text' as const, text: message }] });

/** Builds a server with a tool that asks the user. */
export function createMcpServer(): McpServer {
  const server = new McpServer({ name: 'tables', version: '1.0.0' });

  server.registerTool('book-table', bookTable, ({ restaurant }, { mcpReq }) => {
    if (inputResponse(mcpReq.inputResponses, 'table').kind === 'missing') {
      const message = `A table at ${restaurant}: when, and for how many?`;
      const table = inputRequired.elicit({ message, requestedSchema: tableForm });
      return inputRequired({ inputRequests: { table } });
    }
    // `undefined` if the user has declined, or if the client has sent something that is not in the form.
    const table = acceptedContent(mcpReq.inputResponses, 'table', tableForm);
    if (table === undefined) return text('No table was booked.');
    // What has an effect comes after the last question, because everything before it runs again.
    const place = table.outside ? 'outside' : 'inside';
    return text(`Booked a table for ${table.guests} at ${table.time} ${place} at ${restaurant}.`);
  });
  return server;
}
