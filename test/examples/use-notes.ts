/** Uses `examples/notes.ts`. */
import assert from 'node:assert/strict';
import type { TestClient } from '../support/clients.ts';

const UPDATED = 'notifications/resources/updated';
const TOOLS_CHANGED = 'notifications/tools/list_changed';

/** Does everything that there is to do with notes, as a user who does not want to part with the second one. */
export async function useNotes(client: TestClient): Promise<void> {
  const call = async (tool: string, args = {}) =>
    (await client.call(tool, args, { logLevel: 'info' })).content[0]?.text;
  const tools = async () => (await client.listTools()).tools.map(({ name }) => name).toSorted();
  const withoutNotes = ['add-note', 'list-notes', 'remove-note'];
  assert.deepEqual(await tools(), withoutNotes);
  const [uri = ''] = await client.resources();
  await client.follow(uri);

  assert.equal(await call('add-note', { text: 'milk' }), 'Added as number 1.');
  await client.heard.next('notifications/message', { level: 'info', data: 'Notes: 1' });
  await client.heard.next(UPDATED, { uri });
  await client.heard.next(TOOLS_CHANGED);
  assert.deepEqual(await tools(), ['add-note', 'export-notes', 'list-notes', 'remove-note']);
  assert.equal(await call('add-note', { text: 'tea' }), 'Added as number 2.');
  await client.heard.next(UPDATED, { uri });

  assert.equal(await call('list-notes'), '1. milk\n2. tea');
  assert.equal(await call('export-notes'), '- milk\n- tea');
  assert.equal(await client.read(uri), 'milk\ntea');
  assert.match(await client.prompt('summarize'), /milk\ntea/);

  assert.equal(await call('remove-note', { number: 2 }), 'Nothing removed.');
  assert.equal(await call('remove-note', { number: 1 }), 'Removed note 1.');
  await client.heard.next(UPDATED, { uri });
  assert.equal(await call('list-notes'), '1. tea');
  assert.equal(await call('remove-note', { number: 1 }), 'Removed note 1.');
  await client.heard.next(TOOLS_CHANGED);
  assert.deepEqual(await tools(), withoutNotes);
}
