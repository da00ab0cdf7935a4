/** What each example must do for a client, wherever it is hosted; and what it must say where it cannot. */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ElicitResult } from '@modelcontextprotocol/client';
import type { TestClient } from '../support/clients.ts';
import { useNotes } from './use-notes.ts';

/** What the way to the server and the protocol's revision allow. */
export interface Where {
  /** There is a session: a 2025 revision, over stdio or with sessions. */
  hasSession: boolean;
  /** It is known who calls. */
  hasCaller: boolean;
  /** The server can reach the client outside of calls, and ask it during one. */
  reachesClient: boolean;
  /** The folder that `watched-folder.ts` watches. */
  folder: string;
}

/** Uses an example. */
export type Use = (client: TestClient, where: Where) => Promise<void>;

const UPDATED = 'notifications/resources/updated';
const LIST_CHANGED = 'notifications/resources/list_changed';

/** Makes names that no other test uses: the clients of an example share what it shows to everybody. */
let names = 0;
const uniqueName = () => `page-${(names += 1)}-${process.pid}`;

const textOf = async (client: TestClient, tool: string, args: Record<string, unknown> = {}) => {
  const { content, isError } = await client.call(tool, args);
  return `${isError ? 'Error: ' : ''}${content[0]?.text}`;
};

/** Follows resources; resolves to `false` where a client is told that it cannot. */
async function follows(client: TestClient, { reachesClient }: Where, ...uris: string[]): Promise<boolean> {
  if (reachesClient) await client.follow(...uris);
  else await assert.rejects(client.follow(...uris), { code: -32601 });
  return reachesClient;
}

const resources: Use = async (client, where) => {
  const name = uniqueName();
  const uri = `wiki://pages/${name}`;
  const hears = await follows(client, where, uri, 'wiki://index');

  await client.call('write-page', { name, text: 'First' });
  if (hears) {
    await client.heard.next(UPDATED, { uri });
    await client.heard.next(UPDATED, { uri: 'wiki://index' });
    await client.heard.next(LIST_CHANGED);
  }
  assert.equal(await client.read(uri), 'First');
  assert.ok((await client.read('wiki://index')).split('\n').includes(name));
  const listed = await client.resources();
  for (const expected of ['wiki://index', 'wiki://pages/welcome', uri]) assert.ok(listed.includes(expected), expected);
  const template = { type: 'ref/resource', uri: 'wiki://pages/{name}' } as const;
  assert.deepEqual(await client.complete(template, 'name', name), [name]);

  await client.call('write-page', { name, text: 'Second' });
  if (hears) await client.heard.next(UPDATED, { uri });
  assert.equal(await client.read(uri), 'Second');
  assert.equal(client.heard.left(LIST_CHANGED), 0, 'a page that was there changes no list');
  await assert.rejects(client.read('wiki://pages/nowhere'), /not found/i);
};

const prompts: Use = async (client) => {
  assert.deepEqual(await client.prompts(), ['plan-service', 'explain-error']);
  const filledIn = { language: 'typescript', framework: 'hono' };
  assert.match(await client.prompt('plan-service', filledIn), /in typescript with hono/);
  assert.match(await client.prompt('explain-error'), /error message/);

  const plan = { type: 'ref/prompt', name: 'plan-service' } as const;
  assert.deepEqual(await client.complete(plan, 'language', 'P'), ['python']);
  assert.deepEqual(await client.complete(plan, 'framework', 'f'), []);
  assert.deepEqual(await client.complete(plan, 'framework', 'f', { language: 'python' }), ['fastapi', 'flask']);
};

/** How the user of each client answers `elicitation.ts`, `quote.ts` and `notes.ts`. */
export function fillInForm(message: string): ElicitResult {
  if (message.startsWith('Remove note')) return { action: 'accept', content: { sure: message !== 'Remove note 2?' } };
  if (message.includes('Closed')) return { action: 'decline' };
  if (message.startsWith('Buy ')) return { action: 'accept', content: { agreed: !message.includes(' 13 dollars') } };
  return { action: 'accept', content: { guests: 2, time: '20:00', outside: message.includes('Garden') } };
}

const elicitation: Use = async (client, { reachesClient }) => {
  const book = (restaurant: string) => textOf(client, 'book-table', { restaurant });
  if (reachesClient || client.era === 'modern') {
    assert.equal(await book('The Garden'), 'Booked a table for 2 at 20:00 outside at The Garden.');
    assert.equal(await book('Luigi'), 'Booked a table for 2 at 20:00 inside at Luigi.');
    assert.equal(await book('Closed'), 'No table was booked.');
  } else {
    assert.match(await book('Luigi'), /^Error: Cannot request input 'table'.*cannot receive server-to-client requests/);
  }
};

const quote: Use = async (client, { reachesClient }) => {
  const buy = (dollars: number) => textOf(client, 'buy-dollars', { dollars });
  if (reachesClient || client.era === 'modern') {
    assert.match(await buy(10), /^Bought 10 dollars for \d\.\d\d euros\.$/);
    assert.equal(await buy(13), 'Nothing was bought.');
  } else {
    assert.match(await buy(10), /^Error: Cannot request input 'price'.*cannot receive server-to-client requests/);
  }
};

const watchedFolder: Use = async (client, where) => {
  const name = `${uniqueName()}.md`;
  const uri = `docs://files/${name}`;
  const hears = await follows(client, where, uri);
  try {
    await writeFile(join(where.folder, name), 'First');
    if (hears) {
      await client.heard.next(LIST_CHANGED);
      await client.heard.next(UPDATED, { uri });
    }
    assert.equal(await client.read(uri), 'First');
    assert.ok((await client.resources()).includes(uri));
    await assert.rejects(client.read('docs://files/missing.md'), /not found/i);
  } finally {
    await rm(join(where.folder, name));
  }
  // Deleted: another change of the list.
  if (hears) await client.heard.next(LIST_CHANGED);
};

const state: Use = async (client, { hasSession, hasCaller }) => {
  const add = (item: string) => textOf(client, 'add-to-basket', { item });
  if (hasSession) {
    assert.equal(await add('tea'), 'In your basket: tea');
    await Promise.all([add('milk'), add('milk'), add('milk')]);
    assert.equal(await add('sugar'), 'In your basket: tea, milk, milk, milk, sugar');
    assert.equal(await textOf(client, 'save-draft', { text: 'Dear all' }), 'Saved.');
    assert.equal(await textOf(client, 'read-draft'), 'Dear all');
  } else {
    assert.match(await add('tea'), /^Error: .*There is no session/);
    assert.match(await textOf(client, 'save-draft', { text: 'Dear all' }), /^Error: .*there is none/);
  }
  if (hasCaller) {
    await client.call('set-name', { name: 'Ada' });
    assert.equal(await textOf(client, 'greet'), 'Hello Ada');
  } else {
    assert.match(await textOf(client, 'greet'), /^Error: .*There is no caller/);
  }
};

const manyTools: Use = async (client) => {
  const { tools } = await client.listTools();
  assert.equal(tools.length, 306);
  const { structuredContent } = await client.call('mile-to-kilometer', { length: 2 });
  assert.deepEqual(structuredContent, { length: 3.218688 });
  assert.equal(await textOf(client, 'foot-to-inch', { length: 2 }), '24');
  await assert.rejects(client.call('mile-to-mile', { length: 2 }), /Tool mile-to-mile not found/);
};

const longJob: Use = async (client) => {
  const steps: number[] = [];
  const onprogress = ({ progress, total }: { progress: number; total?: number | undefined }) => {
    assert.equal(total, 100_000);
    steps.push(progress);
  };
  const below = 100_000;
  const { structuredContent } = await client.call('count-primes', { below }, { onprogress, logLevel: 'info' });
  assert.deepEqual(structuredContent, { primes: 9592 });
  // Ten, of which the SDK's stdio clients lose what arrives together with the result.
  assert.ok(steps.length > 3, `${steps.length} steps`);
  assert.deepEqual(
    steps,
    steps.toSorted((a, b) => a - b),
  );
  const log = await client.heard.next('notifications/message', { level: 'info' });
  assert.equal(log.params?.['data'], 'Checked 99998 numbers');

  const controller = new AbortController();
  const options = { onprogress: () => controller.abort(), signal: controller.signal };
  await assert.rejects(client.call('count-primes', { below: 5_000_000 }, options));
  assert.deepEqual((await client.call('count-primes', { below: 10 })).structuredContent, { primes: 4 });
};

const notes: Use = async (client, { hasSession, hasCaller }) => {
  if (hasSession || hasCaller) return useNotes(client);
  assert.match(await textOf(client, 'add-note', { text: 'milk' }), /^Error: .*caller/);
  assert.match(await textOf(client, 'list-notes'), /^Error: .*caller/);
  assert.equal((await client.listTools()).tools.length, 3);
};

/** Every example, by its file. */
export const USES: Record<string, Use> = {
  'resources.ts': resources,
  'prompts.ts': prompts,
  'elicitation.ts': elicitation,
  'quote.ts': quote,
  'watched-folder.ts': watchedFolder,
  'state.ts': state,
  'many-tools.ts': manyTools,
  'long-job.ts': longJob,
  'notes.ts': notes,
};
