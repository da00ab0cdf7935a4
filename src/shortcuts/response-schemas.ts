/**
 * Shortcut: makes the schemas of responses refuse any message with a `method` at once, and that of requests any without an `id`.
 *
 * The SDK checks every message against the schemas of responses, and every notification against that of requests as
 * well, to see what it is. Besides the time, a failed check costs memory: Zod's result has an accessor, so V8 keeps it
 * until its next full collection, along with the message.
 */
import {
  JSONRPCErrorResponseSchema,
  JSONRPCRequestSchema,
  JSONRPCResultResponseSchema,
} from '@modelcontextprotocol/core';
import * as z from 'zod';

const patched = new WeakSet<object>();

/** Changes three of the SDK's schemas, for the whole process. Their results stay the same. */
export function refuseOthersEarly(): void {
  // The first two are strict, and have no member `method`.
  patch(JSONRPCResultResponseSchema, hasMethod);
  patch(JSONRPCErrorResponseSchema, hasMethod);
  patch(JSONRPCRequestSchema, (value) => !('id' in value));
}

function hasMethod(value: object): boolean {
  return Object.hasOwn(value, 'method');
}

/** @param isOther - Whether the schema is certain to refuse a value. */
function patch<Output>(schema: z.ZodType<Output>, isOther: (value: object) => boolean): void {
  if (patched.has(schema)) return;
  patched.add(schema);
  const safeParse = schema.safeParse.bind(schema);
  schema.safeParse = (value, params) => {
    const isRefused = typeof value === 'object' && value !== null && isOther(value);
    return isRefused ? new Refusal(() => z.safeParse(schema, value, params)) : safeParse(value, params);
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
