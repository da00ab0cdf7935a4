/**
 * Many tools: one for each pair of units, a few hundred in all.
 *
 * Without sessions, a server is built for every request. `calledTool` names the only tool that it will be asked for, so a
 * call costs what it would cost with one tool.
 */
import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema, type McpContext } from '../src/tools.ts';

const METERS: Record<string, number> = {
  angstrom: 1e-10,
  nanometer: 1e-9,
  micrometer: 1e-6,
  millimeter: 1e-3,
  centimeter: 1e-2,
  decimeter: 0.1,
  meter: 1,
  kilometer: 1000,
  inch: 0.0254,
  hand: 0.1016,
  foot: 0.3048,
  yard: 0.9144,
  fathom: 1.8288,
  rod: 5.0292,
  chain: 20.1168,
  furlong: 201.168,
  mile: 1609.344,
  'nautical-mile': 1852,
};

// Tools that take the same share one schema, and its JSON Schema.
const inputSchema = cachedSchema(z.object({ length: z.number() }));
const outputSchema = cachedSchema(z.object({ length: z.number() }));

/** What each tool multiplies by, by its name. */
const factors = new Map<string, number>();
for (const [from, meters] of Object.entries(METERS)) {
  for (const [to, unit] of Object.entries(METERS)) if (from !== to) factors.set(`${from}-to-${to}`, meters / unit);
}

/** Builds a server with the tool that is called, or with all tools if it may be any. */
export function createMcpServer({ calledTool }: McpContext): McpServer {
  // The capability is declared, because a server that has no tool would not know the method `tools/call`.
  const server = new McpServer({ name: 'units', version: '1.0.0' }, { capabilities: { tools: {} } });
  for (const name of calledTool === undefined ? factors.keys() : [calledTool]) {
    const factor = factors.get(name);
    // The name that the client sent may be wrong.
    if (factor === undefined) continue;
    const annotations = { title: name.replaceAll('-', ' '), readOnlyHint: true };
    server.registerTool(name, { inputSchema, outputSchema, annotations }, ({ length }) => {
      // 2 feet are 24 inches, not 24.000000000000004.
      const converted = Number((length * factor).toPrecision(12));
      return { content: [{ type: 'text', text: String(converted) }], structuredContent: { length: converted } };
    });
  }
  return server;
}
