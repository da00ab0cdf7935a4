/** The forms of values in the environment: schemas that turn a text into the value of a setting. */
import * as z from 'zod';

const BARE_HOSTNAME = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)$/;

/** A whole number from `min` to `max`. */
export const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max);

/** Entries separated by commas. Empty ones are left out. */
export const list = (entry: z.ZodType<string, string>) =>
  z
    .string()
    .transform((value) => value.split(',').map((part) => part.trim()))
    .transform((parts) => parts.filter((part) => part !== ''))
    .pipe(z.array(entry));

/** `undefined` for an empty text. */
export const optional = <T>(value: z.ZodType<T, string>) =>
  z
    .literal('')
    .transform(() => undefined)
    .or(value);

/** A host name without a port, in lower case. */
export const hostname = z
  .string()
  .transform((value) => value.toLowerCase())
  .pipe(z.string().regex(BARE_HOSTNAME));

/**
 * The absolute URL of an endpoint, without query, fragment or credentials. `/mcp` is added if it is missing: tunnels print
 * only the origin.
 */
export const endpointUrl = z
  .string()
  .transform((value) => `${value.replace(/\/+$/, '').replace(/\/mcp$/, '')}/mcp`)
  .refine((value) => /^https?:\/\/[^/?#@][^?#@]*\/mcp$/.test(value) && URL.canParse(value));

/** An origin, with or without a slash at its end. */
export const origin = z
  .string()
  .transform((value) => value.replace(/\/$/, ''))
  .refine((value) => /^https?:\/\/[^/?#@\s]+$/.test(value) && URL.canParse(value))
  .transform((value) => new URL(value).origin);

/** An issuer identifier as in `iss` (RFC 8414 section 2); without TLS only on this machine. */
export const issuerUrl = z.string().refine(isIssuerUrl);

function isIssuerUrl(value: string): boolean {
  if (!/^https?:\/\/[^/?#@]+(?:\/[^?#@]*)?$/.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname: name } = new URL(value);
  // The names that the SDK accepts for this machine.
  return protocol === 'https:' || name === 'localhost' || name === '127.0.0.1';
}

const HEX_KEY = /^[0-9a-fA-F]{64}$/;
/** 32 bytes are 42 characters of six bits each and one of four. If its last two bits are not 0, the text is not complete. */
const BASE64_KEY = /^(?:[A-Za-z0-9+/]{42}|[\w-]{42})[AEIMQUYcgkosw048]=?$/;

/** Different keys of 32 bytes, separated by commas; none for an empty text. */
export const secretKeys = z
  .string()
  // Commas alone must not count as no key.
  .regex(/^$|[^,\s]/)
  .pipe(list(z.string()))
  .transform((keys) => keys.map(keyBytes))
  .pipe(z.custom<Uint8Array[]>((keys) => Array.isArray(keys) && !keys.includes(undefined)))
  .refine((keys) => new Set(keys.map(String)).size === keys.length);

function keyBytes(text: string): Uint8Array | undefined {
  if (HEX_KEY.test(text)) return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  if (!BASE64_KEY.test(text)) return undefined;
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/');
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
