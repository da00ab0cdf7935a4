/** Floor: Hono on its Node.js adapter, with no check and no protocol. */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { hostname, port, slugify } from './tools.mjs';

const defaults = { separator: '-', lowercase: true, characters: 'auto' };

const app = new Hono();
app.post('/mcp', async (c) => {
  const { id, params } = await c.req.json();
  return c.json({ result: slugify.call({ ...defaults, ...params.arguments }), jsonrpc: '2.0', id });
});
serve({ fetch: app.fetch, port, hostname });
