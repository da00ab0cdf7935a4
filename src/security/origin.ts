/** What counts as an origin. Settings need it, and must not load the SDK (`http-server.ts`). */

/** An origin as browsers send it (RFC 6454 section 6.2), or `scheme://*` for all origins of an extension scheme. */
export function isOrigin(value: string): boolean {
  // Pages from files have the origin null.
  if (value.startsWith('file:')) return false;
  if (!/^https?:/.test(value)) return /^[a-z][a-z0-9+.-]*:\/\/(?:\*|[a-z0-9.-]+)$/.test(value);
  return /^https?:\/\/[^*]+$/.test(value) && URL.canParse(value) && new URL(value).origin === value;
}
