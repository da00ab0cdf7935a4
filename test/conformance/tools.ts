/** The tools that answer by themselves. Those that ask the client first are in `input-required.ts`. */
import { setTimeout as wait } from 'node:timers/promises';
import { fromJsonSchema, type ContentBlock, type McpServer } from '@modelcontextprotocol/server';
import type { Notifier } from '../../src/tools.ts';
import { audio, embedded, image, text } from './content.ts';

/** Between two messages of one call: long enough for them to travel one by one, as the suite asks. */
const PAUSE_MS = 50;

const FIXED: Record<string, ContentBlock[]> = {
  // It comes first: the suite calls the first tool of the list to try out headers, without arguments.
  test_simple_text: [text('Nothing but text.')],
  test_image_content: [image],
  test_audio_content: [audio],
  test_embedded_resource: [embedded('test://embedded-resource', 'text/plain', 'Text inside a resource.')],
  test_multiple_content_types: [
    text('Text, a picture and a resource:'),
    image,
    embedded('test://mixed-content-resource', 'application/json', '{"items":3}'),
  ],
};

/** Clients repeat the region in a header (SEP-2243). */
const REGION_SCHEMA = {
  type: 'object',
  properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
  required: ['region'],
} as const;

/** Every keyword of JSON Schema 2020-12 that must pass through `tools/list` unchanged. */
const PARCEL_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'address',
      type: 'object',
      properties: { country: { type: 'string' }, postcode: { type: 'string' } },
    },
  },
  properties: {
    to: { $ref: '#/$defs/address' },
    by: { type: 'string', enum: ['land', 'air'] },
    truck: { type: 'string' },
    flight: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['truck'] }, { required: ['flight'] }] }],
  if: { properties: { by: { const: 'air' } }, required: ['by'] },
  // oxlint-disable-next-line unicorn/no-thenable -- the keyword of the schema
  then: { required: ['flight'] },
  else: { required: ['truck'] },
  additionalProperties: false,
} as const;

export function registerTools(server: McpServer, notify: Notifier): void {
  for (const [name, content] of Object.entries(FIXED)) {
    server.registerTool(name, { description: 'Always answers the same' }, () => ({ content }));
  }
  server.registerTool('test_error_handling', { description: 'Always fails' }, () => {
    throw new Error('This tool knows only how to fail.');
  });
  registerTalkingTools(server);
  registerListChanges(server, notify);
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Takes a parcel', inputSchema: fromJsonSchema(PARCEL_SCHEMA) },
    () => ({ content: [text('Taken.')] }),
  );
  server.registerTool(
    'test_parameter_header',
    {
      description: 'Has a parameter that is repeated in a header',
      inputSchema: fromJsonSchema<{ region: string }>(REGION_SCHEMA),
    },
    ({ region }) => ({ content: [text(region)] }),
  );
}

/** Tools that send something before their result, or end their stream before it. */
function registerTalkingTools(server: McpServer): void {
  server.registerTool('test_tool_with_progress', { description: 'Reports progress' }, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progress > 0) await wait(PAUSE_MS, undefined, { signal: mcpReq.signal });
      if (progressToken === undefined) continue;
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
    }
    return { content: [text('Done, step by step.')] };
  });
  server.registerTool('test_tool_with_logging', { description: 'Logs what it does' }, async ({ mcpReq }) => {
    for (const step of ['Begun', 'Half way', 'Finished']) {
      if (step !== 'Begun') await wait(PAUSE_MS, undefined, { signal: mcpReq.signal });
      await mcpReq.log('info', step);
    }
    return { content: [text('Done, and logged.')] };
  });
  server.registerTool('test_logging_tool', { description: 'Logs once' }, async ({ mcpReq }) => {
    await mcpReq.log('info', 'Called');
    return { content: [text('Done, and logged if that was wanted.')] };
  });
  server.registerTool(
    'test_reconnection',
    { description: 'Ends its stream, and answers to a client that comes back' },
    async ({ http, mcpReq }) => {
      // Without, the answer would go out on the first stream, and the suite would take that for not applicable.
      if (!http?.closeSSE) throw new Error('This stream cannot be ended and resumed.');
      http.closeSSE();
      await wait(PAUSE_MS, undefined, { signal: mcpReq.signal });
      return { content: [text('Welcome back.')] };
    },
  );
}

/** Tools after which a list counts as changed. */
function registerListChanges(server: McpServer, notify: Notifier): void {
  server.registerTool('test_trigger_tool_change', { description: 'Says that the tools have changed' }, () => {
    notify.toolsChanged();
    return { content: [text('Told.')] };
  });
  server.registerTool('test_trigger_prompt_change', { description: 'Says that the prompts have changed' }, () => {
    notify.promptsChanged();
    return { content: [text('Told.')] };
  });
}
