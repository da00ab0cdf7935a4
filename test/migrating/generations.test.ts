/** What a v1 client sees of a server on the first version of the SDK, and of the same one on the second, hosted here. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { McpServer, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { startListening } from '../support/listening.ts';

const shape = { n: z.number() };

async function clientOf(t: TestContext, transport: Transport): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  t.after(() => client.close());
  await client.connect(transport);
  return client;
}

/** A client of a server on the first version. */
async function ofFirst(t: TestContext): Promise<Client> {
  const server = new McpServerV1({ name: 'test', version: '1.0.0' });
  server.registerTool('throw', { inputSchema: shape }, () => {
    throw new Error('No luck');
  });
  server.registerTool('refuse', { inputSchema: shape }, () => {
    throw new McpError(ErrorCode.InvalidParams, 'No luck');
  });
  const [mine, its] = InMemoryTransport.createLinkedPair();
  await server.connect(its);
  return clientOf(t, mine);
}

/** A client of the same server on the second version. */
async function ofSecond(t: TestContext): Promise<Client> {
  const createServer = () => {
    const server = new McpServer({ name: 'test', version: '1.0.0' });
    server.registerTool('throw', { inputSchema: z.object(shape) }, () => {
      throw new Error('No luck');
    });
    server.registerTool('refuse', { inputSchema: z.object(shape) }, () => {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'No luck');
    });
    return server;
  };
  const { url } = await startListening(t, {}, { createServer });
  return clientOf(t, new StreamableHTTPClientTransport(new URL(url), { fetch }));
}

/** The text of a result that is an error. */
async function errorOf(client: Client, name: string, args: Record<string, unknown> = { n: 1 }): Promise<string> {
  const { isError, content } = await client.callTool({ name, arguments: args });
  assert.equal(isError, true);
  return (content as { text: string }[])[0]?.text ?? '';
}

const schemaOf = async (client: Client) => JSON.stringify((await client.listTools()).tools[0]?.inputSchema);

describe('a v1 client', () => {
  test('gets the message of an Error in a result from both', async (t) => {
    assert.equal(await errorOf(await ofFirst(t), 'throw'), 'No luck');
    assert.equal(await errorOf(await ofSecond(t), 'throw'), 'No luck');
  });

  test('gets the code of an McpError in the text of a result, and of a ProtocolError only the message', async (t) => {
    assert.equal(await errorOf(await ofFirst(t), 'refuse'), 'MCP error -32602: No luck');
    assert.equal(await errorOf(await ofSecond(t), 'refuse'), 'No luck');
  });

  test('gets a result from both for arguments that do not fit, with the code in the text from the first', async (t) => {
    assert.match(await errorOf(await ofFirst(t), 'throw', {}), /^MCP error -32602: Input validation error/);
    assert.match(await errorOf(await ofSecond(t), 'throw', {}), /^Input validation error/);
  });

  test('gets a result from the first for a tool that does not exist, and -32602 from the second', async (t) => {
    assert.match(await errorOf(await ofFirst(t), 'no-such-tool'), /not found/);
    await assert.rejects(errorOf(await ofSecond(t), 'no-such-tool'), { code: -32602 });
  });

  test('gets JSON Schema draft 7 from the first, and 2020-12 from the second', async (t) => {
    assert.match(await schemaOf(await ofFirst(t)), /json-schema\.org\/draft-07/);
    assert.match(await schemaOf(await ofSecond(t)), /json-schema\.org\/draft\/2020-12/);
  });
});
