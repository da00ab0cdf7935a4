/**
 * Shortcut: makes the schemas of responses refuse any message with a `method` at once.
 *
 * The SDK checks every message against both schemas to see whether it is a response. Besides the time, a failed check
 * costs memory: Zod's result has an accessor, so V8 keeps it until its next full collection, along with the message.
 */
import { JSONRPCErrorResponseSchema, JSONRPCResultResponseSchema } from '@modelcontextprotocol/core';
import * as z from 'zod';

const patched = new WeakSet<object>();

/** Changes the SDK's two response schemas, for the whole process. Their results stay the same. */
export function refuseMethodsEarly(): void {
  patch(JSONRPCResultResponseSchema);
  patch(JSONRPCErrorResponseSchema);
}

/** Only for schemas that are strict and have no member `method`. */
function patch<Output>(schema: z.ZodType<Output>): void {
  if (patched.has(schema)) return;
  patched.add(schema);
  const safeParse = schema.safeParse.bind(schema);
  schema.safeParse = (value, params) => {
    const hasMethod = typeof value === 'object' && value !== null && Object.hasOwn(value, 'method');
    return hasMethod ? new Refusal(() => z.safeParse(schema, value, params)) : safeParse(value, params);
  };
}

/** The result of a failed check. The error is built when it is asked for. */
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
