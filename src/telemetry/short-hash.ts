/**
 * Short names, in logs and traces, for what must not stand there itself: ids of sessions, which are secrets, and
 * principals, which are personal.
 *
 * A plain hash would not do: whoever reads the log could hash every user name and compare. These hashes are keyed
 * (HMAC-SHA-256, the first 48 bits), and the key is never logged. With `MCP_STATE_KEY`, it is derived from that key, so
 * that all nodes use the same names, also after a restart; otherwise it is random, and the names are those of one process.
 */

/** How many names are remembered, so that busy sessions are hashed once. */
const MAX_KNOWN = 10_000;
const HASH_BYTES = 6;
const encoder = new TextEncoder();

/** Returns the short name of a text: at once if it is known, and otherwise as a promise. */
export type ShortHash = (text: string) => string | Promise<string>;

/**
 * Makes a function that names texts.
 *
 * @param secret - What the key is derived from. @default a random key
 */
export function createShortHash(secret?: Uint8Array): ShortHash {
  const known = new Map<string, string>();
  // Not before the first use: some runtimes have no random numbers until the first request.
  let key: ReturnType<typeof hashKey> | undefined;

  async function hash(text: string): Promise<string> {
    key ??= hashKey(secret ?? crypto.getRandomValues(new Uint8Array(32)));
    const mac = await crypto.subtle.sign('HMAC', await key, encoder.encode(text));
    const name = Array.from(new Uint8Array(mac, 0, HASH_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join('');
    const [oldest] = known.keys();
    if (known.size >= MAX_KNOWN && oldest !== undefined) known.delete(oldest);
    known.set(text, name);
    return name;
  }

  return (text) => known.get(text) ?? hash(text);
}

/** Derives a key for these names alone: the secret also signs `requestState` (RFC 5869). */
async function hashKey(secret: Uint8Array) {
  const material = await crypto.subtle.importKey('raw', Uint8Array.from(secret), 'HKDF', false, ['deriveKey']);
  const purpose = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode('names in the log') };
  const algorithm = { name: 'HMAC', hash: 'SHA-256', length: 256 };
  return crypto.subtle.deriveKey(purpose, material, algorithm, false, ['sign']);
}
