/**
 * Shortcut: the schemas of responses refuse a message that has a method before they look at the rest.
 *
 * The SDK asks of each message whether it is a response, by checking it against both schemas. Zod's result of a failed
 * check outlives the call, with all that was checked: it has an accessor, which V8 keeps where only a full collection
 * looks.
 */
import { JSONRPCErrorResponseSchema, JSONRPCResultResponseSchema } from '@modelcontextprotocol/core';
import * as z from 'zod';

const patched = new WeakSet<object>();

/** Changes the SDK's two schemas of responses, once for the process. Results are the same. */
export function refuseMethodsEarly(): void {
  patch(JSONRPCResultResponseSchema);
  patch(JSONRPCErrorResponseSchema);
}

/** For a schema that refuses members which it does not name, and names no `method`. */
function patch<Output>(schema: z.ZodType<Output>): void {
  if (patched.has(schema)) return;
  patched.add(schema);
  const safeParse = schema.safeParse.bind(schema);
  schema.safeParse = (value, params) => {
    const hasMethod = typeof value === 'object' && value !== null && Object.hasOwn(value, 'method');
    return hasMethod ? new Refusal(() => z.safeParse(schema, value, params)) : safeParse(value, params);
  };
}

/** The result of a failed check, made when somebody asks what is wrong. */
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
