import { modernRequest } from './app.ts';

/** A tool result that says `text`. */
export const said = (text: string) => ({ content: [{ type: 'text' as const, text }] });

/** A parameter that is also sent in a header. */
export const region = { type: 'string', 'x-mcp-header': 'Region' } as const;

/** A call with the id `mine`. */
export const call = (
  name: string,
  args: object = {},
  options: Parameters<typeof modernRequest>[2] = {},
  _meta: object = {},
) => modernRequest('tools/call', { name, arguments: args, _meta }, { id: 'mine', ...options });
