/**
 * The schemas of responses, which refuse a message that has a method before they look at all the rest.
 *
 * The SDK asks of each message whether it is a response, by checking it against both. Zod's result of a check that
 * failed outlives the call, with all that was checked: it has an accessor, which V8 keeps where only a full collection
 * looks.
 */
import { JSONRPCErrorResponseSchema, JSONRPCResultResponseSchema } from '@modelcontextprotocol/core';
import * as z from 'zod';

refuseMethods(JSONRPCResultResponseSchema);
refuseMethods(JSONRPCErrorResponseSchema);

/** For a schema that refuses members which it does not name, and names no `method`. */
function refuseMethods<Output>(schema: z.ZodType<Output>): void {
  const safeParse = schema.safeParse.bind(schema);
  schema.safeParse = (value, params) => {
    const hasMethod = typeof value === 'object' && value !== null && Object.hasOwn(value, 'method');
    return hasMethod ? new Refusal(() => z.safeParse(schema, value, params)) : safeParse(value, params);
  };
}

/** The result of a check that fails, which is made when somebody asks what is wrong. */
class Refusal<Output> {
  readonly success = false;
  readonly #check: () => z.ZodSafeParseResult<Output>;

  constructor(check: () => z.ZodSafeParseResult<Output>) {
    this.#check = check;
  }

  get error(): z.ZodError<Output> {
    return this.#check().error as z.ZodError<Output>;
  }
}
