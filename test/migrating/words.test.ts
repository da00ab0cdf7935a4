import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMcpServer } from '../../examples/migrating/words.ts';
import { CLIENTS, connectHttp } from '../support/clients.ts';
import { startListening } from '../support/listening.ts';
import { useWords } from './use-words.ts';

for (const { kind, era } of CLIENTS) {
  test(`words.ts counts, reports progress, refuses, and remembers for a ${kind} client`, async (t) => {
    const authenticate = async () => ({ principal: { issuer: 'test', subject: kind, client: 'test' } });
    const { url } = await startListening(t, {}, { createServer: createMcpServer, authenticate });
    const client = await connectHttp(t, kind, url);
    assert.equal(client.era, era);
    await useWords(client);
  });
}
