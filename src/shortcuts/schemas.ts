/**
 * Shortcut: makes message schemas faster, for the whole process. Entries call it; importing it does nothing.
 *
 * The first import of an entry is `zod/compile`, which compiles every schema that is created afterwards, including the
 * SDK's (https://zod.dev/compile). Where code generation is not allowed, Zod works as it does without.
 */
import * as z from 'zod';
import { refuseOthersEarly } from './response-schemas.ts';

/**
 * Applies the shortcuts for schemas.
 *
 * @param isOn - With `false`, Zod uses neither compiled schemas nor code generation of its own.
 */
export function applySchemaShortcuts(isOn: boolean): void {
  if (isOn) refuseOthersEarly();
  else z.config({ jitless: true });
}
