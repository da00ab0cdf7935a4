/**
 * Zod's settings for the process. Imported before anything that makes schemas, the SDK first of all.
 *
 * A tool call is checked against some ten schemas, most of them the SDK's, which makes them what a call costs.
 *
 * - They are compiled (https://zod.dev/compile), with the same results. Where code may not be made from strings, or
 *   for a schema that cannot be compiled, Zod goes on as it does without.
 * - They do not expect values that contain themselves. For those, each check by a schema that may contain itself (such
 *   as one for any JSON) would make `WeakMap`s, which outlive the call. What comes as JSON cannot contain itself, and
 *   what does cannot be sent: checking the result of a tool that does ends with a RangeError.
 * - A message that has a method is known to be no response. The SDK asks that of each message by checking it against
 *   both schemas of responses, and Zod's results of failed checks outlive the call, with all that was checked.
 */
import 'zod/compile';
import { JSONRPCErrorResponseSchema, JSONRPCResultResponseSchema } from '@modelcontextprotocol/core';
import * as z from 'zod';

z.config({ memoizer: { alloc: (_schema, _payload, empty) => empty, attach() {}, guard() {} } });

spareMessagesWithMethod(JSONRPCResultResponseSchema);
spareMessagesWithMethod(JSONRPCErrorResponseSchema);

/** Has `schema`, which refuses members that it does not name, refuse a `method` before it looks at all the rest. */
function spareMessagesWithMethod<Output>(schema: z.ZodType<Output>): void {
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
