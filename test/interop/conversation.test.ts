import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConversation } from './conversation.ts';

test('holds the answer of the model until a call is wanted, and reports what came of the call', async () => {
  const { script, call } = createConversation();
  const asked = script([]);
  const called = call('Hello World');
  assert.deepEqual((await asked)?.args, { text: 'Hello World' });

  const askedAgain = script(['hello-world']);
  assert.equal(await called, 'hello-world');
  const calledAgain = call('And again');
  assert.deepEqual((await askedAgain)?.args, { text: 'And again' });
  void script(['hello-world', 'and-again']);
  assert.equal(await calledAgain, 'and-again');
});

test('gives an agent that asks twice the same call', async () => {
  const { script, call } = createConversation();
  void call('Hello World');
  assert.deepEqual(await script([]), await script([]));
});
