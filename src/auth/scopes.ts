/** Scopes: what a token lets its holder do (RFC 6749 section 3.3). */

/** One scope. */
export const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

/** The scopes in a list that is separated by spaces; anything but a string has none. */
export function scopesIn(list: unknown): string[] {
  return typeof list === 'string' ? list.split(' ').filter((scope) => scope !== '') : [];
}
