/**
 * Zod's settings for the process. Imported before anything that makes schemas, the SDK first of all.
 *
 * Zod can follow values that contain themselves. For that, schemas that may contain themselves (any that takes any
 * JSON, as most of the SDK's do) keep a `WeakMap` of what each call of theirs has seen: 10 % of the time of a tool
 * call, and work for the garbage collector. What comes as JSON cannot contain itself, and what does cannot be sent.
 */
import * as z from 'zod';

z.config({ memoizer: { alloc: (_schema, _payload, empty) => empty, attach() {}, guard() {} } });
