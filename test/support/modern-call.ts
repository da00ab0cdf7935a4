import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server';
import { MODERN, modernRequest } from './app.ts';

/** The revisions of a server that takes part in the short way. */
export const LISTED = [MODERN, ...SUPPORTED_PROTOCOL_VERSIONS];

/** A tool result that says `text`. */
export const said = (text: string) => ({ content: [{ type: 'text' as const, text }] });

/** A parameter that is sent in a header too. */
export const region = { type: 'string', 'x-mcp-header': 'Region' } as const;

/** A call with the id `mine`. */
export const call = (
  name: string,
  args: object = {},
  options: Parameters<typeof modernRequest>[2] = {},
  _meta: object = {},
) => modernRequest('tools/call', { name, arguments: args, _meta }, { id: 'mine', ...options });
