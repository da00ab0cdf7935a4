import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema, canHaveScope, nextTurn, standaloneContext } from '../src/tools.ts';

const TARGET = { target: 'draft-2020-12' } as const;

/** A schema that records the options of each conversion to JSON Schema. */
function watched(): { schema: StandardSchemaWithJSON; asked: unknown[] } {
  const asked: unknown[] = [];
  const { '~standard': standard } = z.object({ text: z.string().default('none') });
  const note = (convert: (typeof standard.jsonSchema)['input']) => (options: Parameters<typeof convert>[0]) => {
    asked.push(options);
    return convert(options);
  };
  const jsonSchema = { input: note(standard.jsonSchema.input), output: note(standard.jsonSchema.output) };
  return { schema: { '~standard': { ...standard, jsonSchema } }, asked };
}

test('converts input and output to JSON Schema once for each target', () => {
  const { schema, asked } = watched();
  const { jsonSchema } = cachedSchema(schema)['~standard'];
  for (let times = 0; times < 2; times += 1) {
    assert.deepEqual(jsonSchema.input(TARGET), schema['~standard'].jsonSchema.input(TARGET));
    assert.deepEqual(jsonSchema.output(TARGET), schema['~standard'].jsonSchema.output(TARGET));
    assert.notDeepEqual(jsonSchema.input({ target: 'draft-07' }), jsonSchema.input(TARGET));
  }
  assert.equal(asked.length - 4, 3, 'this test itself asked for four');
});

test('does not cache a conversion with options of a library', () => {
  const { schema, asked } = watched();
  const { jsonSchema } = cachedSchema(schema)['~standard'];
  const options = { ...TARGET, libraryOptions: { unrepresentable: 'any' } };
  for (let times = 0; times < 2; times += 1) jsonSchema.input(options);
  assert.deepEqual(asked, [options, options]);
});

test('validates as before', async () => {
  const { schema } = watched();
  const { validate } = cachedSchema(schema)['~standard'];
  assert.deepEqual(await validate({}), { value: { text: 'none' } });
  assert.notEqual((await validate({ text: 1 })).issues, undefined);
});

const token = { token: 'secret', clientId: 'client', scopes: ['mcp'] };
const resourceMetadataUrl = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp';

for (const [who, authInfo, can] of [
  ['an unauthenticated caller', undefined, true],
  ['a static token without it', token, false],
  ['a static token with it', { ...token, scopes: ['mcp', 'tool'] }, true],
  ['a token without it whose client can ask for more', { ...token, resourceMetadataUrl }, true],
] as const) {
  test(`says that ${who} ${can ? 'can' : 'cannot'} have a scope`, () => {
    const info = authInfo && { ...authInfo, scopes: [...authInfo.scopes] };
    assert.equal(canHaveScope(info, 'tool'), can);
  });
}

test('lets timers that are due run before the next turn', async () => {
  let hasRun = false;
  setTimeout(() => (hasRun = true), 0);
  await nextTurn();
  assert.equal(hasRun, true);
});

const CALLER = { issuer: 'https://issuer.example', subject: 'alice', client: 'test' };

test('makes a context for tests: with a session of its own, and the caller it is given', async () => {
  const { era, sessionId, state } = standaloneContext();
  assert.deepEqual([era, typeof sessionId], ['legacy', 'string']);
  await state.session.set('a', 1);
  assert.equal(await state.session.get('a'), 1);
  assert.equal(await standaloneContext().state.session.get('a'), undefined);
  await assert.rejects(state.caller.get('a'), { name: 'StateError' });
  const { state: ofCaller } = standaloneContext({ caller: CALLER });
  await ofCaller.caller.set('a', 2);
  assert.equal(await ofCaller.caller.get('a'), 2);
});

test('makes a modern context for tests, without a session', async () => {
  const { sessionId, state } = standaloneContext({ era: 'modern' });
  assert.equal(sessionId, undefined);
  await assert.rejects(state.session.get('a'), { name: 'StateError' });
});
