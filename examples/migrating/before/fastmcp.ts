/** `fastmcp`, with what a session has counted in a map, as its README shows it. */
import { FastMCP, UserError } from 'fastmcp';
import * as z from 'zod';

const server = new FastMCP({ name: 'words', version: '1.0.0' });
const totals = new Map<string | undefined, number>();

server.addTool({
  name: 'count-words',
  description: 'Counts the words of texts',
  parameters: z.object({ texts: z.array(z.string()) }),
  execute: async ({ texts }, { reportProgress, sessionId }) => {
    let words = 0;
    for (const [index, text] of texts.entries()) {
      if (text.trim() === '') throw new UserError(`Text ${index + 1} is empty`);
      words += text.trim().split(/\s+/).length;
      await reportProgress({ progress: index + 1, total: texts.length });
    }
    const total = (totals.get(sessionId) ?? 0) + words;
    totals.set(sessionId, total);
    return `${words} words, ${total} so far`;
  },
});

server.addResource({
  uri: 'words://total',
  name: 'total',
  load: async (_auth, context) => ({ text: String(totals.get(context?.sessionId) ?? 0) }),
});

await server.start({
  transportType: 'httpStream',
  httpStream: { port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' },
});
console.log('Listening');
