import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerOf, modernRequest, openSession, testApp } from './support/app.ts';

test('answers 200 to a call in a session', async () => {
  const session = await openSession(testApp());
  const { result } = await session.call('slugify', { text: 'Hello World' });
  assert.deepEqual(result?.['structuredContent'], { slug: 'hello-world' });
});

test('answers 200 to a modern call', async () => {
  const { headers, body } = modernRequest('tools/call', { name: 'slugify', arguments: { text: 'Hello World' } });
  const response = await testApp().request('POST', { headers, body });
  assert.equal(response.status, 200);
  assert.deepEqual((await answerOf(response)).result?.['structuredContent'], { slug: 'hello-world' });
});
