import assert from 'node:assert/strict';
import { test } from 'node:test';
// It begins with the app, as an entry does: the setting has to be made before the SDK makes its schemas.
import { modernRequest, openSession, rpc, testApp } from './support/app.ts';

/** How many a call of `slugify` makes, when calls have been made before. */
async function weakMapsMadeBy(call: () => Promise<Response>): Promise<number> {
  assert.equal((await call()).status, 200);
  let made = 0;
  const { WeakMap: original } = globalThis;
  globalThis.WeakMap = new Proxy(original, {
    construct(target, args) {
      made += 1;
      return Reflect.construct(target, args) as object;
    },
  });
  try {
    assert.equal((await call()).status, 200);
  } finally {
    globalThis.WeakMap = original;
  }
  return made;
}

const SLUGIFY = { name: 'slugify', arguments: { text: 'Hello World' } };

test('no call of either era keeps what it has seen, in case it should contain itself', async () => {
  const app = testApp();
  const session = await openSession(app);
  assert.equal(await weakMapsMadeBy(() => session.post(rpc('tools/call', SLUGIFY))), 0);
  assert.equal(await weakMapsMadeBy(() => app.request('POST', modernRequest('tools/call', SLUGIFY))), 0);
});
