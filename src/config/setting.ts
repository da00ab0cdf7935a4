/** The form of a setting in the table of settings. */
import type * as z from 'zod';

/** One setting. */
export interface Setting<T> {
  variable: string;
  /** A variable that a host sets by itself. It is used if `variable` is unset. */
  hostVariable?: string;
  /** The default, used if the variable is unset or empty; has the form of the variable. */
  fallback: string;
  schema: z.ZodType<T, string>;
  /** Completes the sentence "NAME must be …". */
  expected: string;
  meaning: string;
  /** Whether the value must never be shown, not even in an error message. */
  secret?: true;
}
/** Checks the type of a definition. */
export const setting = <T>(definition: Setting<T>) => definition;
