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
 */
import 'zod/compile';
import * as z from 'zod';

z.config({ memoizer: { alloc: (_schema, _payload, empty) => empty, attach() {}, guard() {} } });
