/**
 * Schemas whose JSON Schema is made once.
 *
 * A server is built for each request where there is no session, and every one of them asks the schemas of its
 * tools for their JSON Schema. Making it takes longer than most calls; it never changes.
 */
import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server';

type Converter = StandardSchemaWithJSON['~standard']['jsonSchema'];

/**
 * Returns `schema` as the SDK needs it (Standard Schema), with its JSON Schema kept once it was asked for.
 *
 * @see https://standardschema.dev/json-schema
 */
export function cachedSchema<Input, Output>(
  schema: StandardSchemaWithJSON<Input, Output>,
): StandardSchemaWithJSON<Input, Output> {
  const standard = schema['~standard'];
  const { input, output } = standard.jsonSchema;
  return { '~standard': { ...standard, jsonSchema: { input: once(input), output: once(output) } } };
}

/** Conversions are told apart by their target; options of a library make one that is not kept. */
function once(convert: Converter['input']): Converter['input'] {
  const made = new Map<string, Record<string, unknown>>();
  return (options) => {
    if (options.libraryOptions !== undefined) return convert(options);
    const known = made.get(options.target);
    if (known) return known;
    const jsonSchema = convert(options);
    made.set(options.target, jsonSchema);
    return jsonSchema;
  };
}
