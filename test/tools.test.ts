import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema } from '../src/tools.ts';

const TARGET = { target: 'draft-2020-12' } as const;

/** A schema that notes what its JSON Schema was asked for with. */
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

test('makes the JSON Schema of input and output once for each target', () => {
  const { schema, asked } = watched();
  const { jsonSchema } = cachedSchema(schema)['~standard'];
  for (let times = 0; times < 2; times += 1) {
    assert.deepEqual(jsonSchema.input(TARGET), schema['~standard'].jsonSchema.input(TARGET));
    assert.deepEqual(jsonSchema.output(TARGET), schema['~standard'].jsonSchema.output(TARGET));
    assert.notDeepEqual(jsonSchema.input({ target: 'draft-07' }), jsonSchema.input(TARGET));
  }
  assert.equal(asked.length - 4, 3, 'four were asked for by this test');
});

test('makes one anew for options of the library, which are nobody else’s', () => {
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
