/**
 * Shortcut: message schemas that check faster, for the whole process. Entries apply it by name; a library does not.
 *
 * An entry's first import is `zod/compile`, which compiles every schema that is made after it (https://zod.dev/compile),
 * the SDK's among them. Where code may not be made from strings, Zod goes on as it does without.
 */
import * as z from 'zod';
import { refuseMethodsEarly } from './response-schemas.ts';

/** @param isOn - When false, compiled schemas are left unused, and so is Zod's own code generation. */
export function applySchemaShortcuts(isOn: boolean): void {
  if (isOn) refuseMethodsEarly();
  else z.config({ jitless: true });
}
