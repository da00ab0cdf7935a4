import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answerOf, openSession, rpc } from '../support/app.ts';
import { sessionApp } from '../support/session-app.ts';

describe('the subscriptions of a session', () => {
  const subscribe = (uri: string) => rpc('resources/subscribe', { uri });

  test('are 500 at most: answers 400 with -32602 to the next, until one is given back', async () => {
    const { app, store } = sessionApp();
    const session = await openSession(app);
    for (let i = 0; i < 500; i += 100) {
      await (await session.post(Array.from({ length: 100 }, (_, j) => subscribe(`urn:${i + j}`)))).text();
    }
    const refused = await session.post(subscribe('urn:one-more'));
    assert.equal(refused.status, 400);
    assert.equal((await answerOf(refused)).error?.code, -32602);
    await (await session.post(rpc('resources/unsubscribe', { uri: 'urn:7' }))).text();
    assert.equal((await session.post(subscribe('urn:one-more'))).status, 200);
    const kept = (await store.get(session.id))?.subscriptions;
    assert.equal(kept?.length, 500);
    assert.ok(kept.includes('urn:one-more') && !kept.includes('urn:7'));
  });

  test('are in its record only when the server took them', async () => {
    const { app, store } = sessionApp();
    const session = await openSession(app);
    for (const uri of ['urn:one', 'refused:two']) await (await session.post(subscribe(uri))).text();
    assert.deepEqual((await store.get(session.id))?.subscriptions, ['urn:one']);
  });

  test('have URIs of 2048 characters at most: answers 400 with -32602 to a longer one', async () => {
    const session = await openSession(sessionApp().app);
    assert.equal((await session.post(subscribe(`urn:${'x'.repeat(2044)}`))).status, 200);
    const refused = await session.post(subscribe(`urn:${'x'.repeat(2045)}`));
    assert.equal(refused.status, 400);
    assert.equal((await answerOf(refused)).error?.code, -32602);
  });

  test('have URIs of 65,536 characters together: answers 400 with -32602 to one more', async () => {
    const session = await openSession(sessionApp().app);
    const uris = Array.from({ length: 32 }, (_, index) => `urn:${index}-`.padEnd(2048, 'x'));
    assert.equal((await session.post(uris.map(subscribe))).status, 200);
    const refused = await session.post(subscribe('urn:'));
    assert.equal(refused.status, 400);
    assert.equal((await answerOf(refused)).error?.code, -32602);
  });
});
