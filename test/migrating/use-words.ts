/** Uses `examples/migrating/words.ts`, or one of those that it takes the place of. */
import assert from 'node:assert/strict';
import type { TestClient } from '../support/clients.ts';

/** All that the server does, for a client that is its first. It has counted four words in the end. */
export async function useWords(client: TestClient): Promise<void> {
  assert.deepEqual(
    (await client.listTools()).tools.map(({ name }) => name),
    ['count-words'],
  );
  const steps: unknown[] = [];
  const onprogress = (step: unknown) => steps.push(step);
  const counted = await client.call('count-words', { texts: ['one two', 'three'] }, { onprogress });
  assert.deepEqual(counted.content, [{ type: 'text', text: '3 words, 3 so far' }]);
  assert.deepEqual(steps, [
    { progress: 1, total: 2 },
    { progress: 2, total: 2 },
  ]);
  const { isError, content } = await client.call('count-words', { texts: ['five', ' '] });
  assert.deepEqual([isError, content], [true, [{ type: 'text', text: 'Text 2 is empty' }]]);
  const again = await client.call('count-words', { texts: ['four'] });
  assert.deepEqual(again.content, [{ type: 'text', text: '1 words, 4 so far' }]);
  assert.deepEqual(await client.resources(), ['words://total']);
  assert.equal(await client.read('words://total'), '4');
}
