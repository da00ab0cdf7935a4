/** Measures the depth and size of untrusted JSON, and parses it. */

/** The value of `text`; `undefined` if it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Matches the escape of a lone surrogate (`JSON.stringify` escapes no paired one), or any other escape, to skip it. */
const ESCAPES = /\\(?:ud[89a-f][0-9a-f]{2}|.)/g;
const LINE_ENDS = /[\u2028\u2029]/g;

/** `value` as JSON that strict parsers and line readers understand; throws like `JSON.stringify`. */
export function jsonText(value: unknown): string {
  return portableJson(JSON.stringify(value));
}

/**
 * Replaces what `JSON.stringify` leaves in a text but other parsers break on: lone surrogates, which are not valid Unicode
 * (RFC 8259 section 8.2), become U+FFFD; U+2028 and U+2029, which some readers take for line ends, become escapes.
 */
export function portableJson(text: string): string {
  const escaped = text.includes('\\ud')
    ? text.replace(ESCAPES, (escape) => (escape.length > 2 ? '\\ufffd' : escape))
    : text;
  return escaped.replace(LINE_ENDS, (end) => (end === '\u2028' ? '\\u2028' : '\\u2029'));
}

const [QUOTE, BACKSLASH, COLON, BRACKET, BRACE, BRACKET_END, BRACE_END] = [...'"\\:[{]}'].map((c) => c.charCodeAt(0));

/** Which limit a JSON text exceeds. */
export type Excess = 'depth' | 'parts';

/**
 * Tells, before a JSON text is parsed, whether it nests more than `maxDepth` levels deep, or has more than `maxParts`
 * objects, arrays and keys: a text of brackets takes ten times as long to parse as other texts of its length. Takes time
 * in proportion to the length, and is right for every text that is JSON.
 */
export function excessOf(text: string, maxDepth: number, maxParts: number): Excess | undefined {
  let depth = 0;
  let parts = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === BRACKET_END || code === BRACE_END) depth -= 1;
    else if (code === COLON || code === BRACKET || code === BRACE) {
      parts += 1;
      if (code !== COLON) depth += 1;
      if (depth > maxDepth) return 'depth';
      if (parts > maxParts) return 'parts';
    }
  }
  return undefined;
}

/** Where the string ends that begins at `start`; the length of the text if it does not. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    // After an odd number of backslashes, the quote is part of the string.
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

/** Parameters that are the input of tools and prompts, which check them and limit their size. */
const INPUT: ReadonlySet<string> = new Set(['arguments', 'inputResponses']);

/** Whether the parameters of a message or batch have more than `limit` values in total, not counting {@link INPUT}. */
export function hasMoreValuesThan(limit: number, body: unknown): boolean {
  let left = limit;
  const isOver = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && someMember(value, (part) => --left < 0 || isOver(part));
  const isOverIn = (message: unknown): boolean => {
    if (typeof message !== 'object' || message === null || !('params' in message)) return false;
    const { params } = message;
    if (typeof params !== 'object' || params === null) return false;
    return someMember(params, (part, name) => --left < 0 || (!INPUT.has(name) && isOver(part)));
  };
  return (Array.isArray(body) ? body : [body]).some(isOverIn);
}

/** Whether an id or progress token in a message or batch is longer than `maxChars`: it comes back with every answer. */
export function hasLongerIdsThan(maxChars: number, body: unknown): boolean {
  const isLong = (value: unknown) => typeof value === 'string' && value.length > maxChars;
  return (Array.isArray(body) ? body : [body]).some((message: unknown) => {
    if (typeof message !== 'object' || message === null) return false;
    const { id, params } = message as { id?: unknown; params?: { _meta?: { progressToken?: unknown } } | null };
    return isLong(id) || isLong(params?._meta?.progressToken);
  });
}

/** The id of a single request in a body that is not validated yet; `null` if there is none. */
export function requestIdOf(body: unknown): string | number | null {
  if (typeof body !== 'object' || body === null || !('id' in body) || !('method' in body)) return null;
  return typeof body.id === 'string' || typeof body.id === 'number' ? body.id : null;
}

/** Whether `test` holds for some member of an array or object. Copies nothing and stops early. */
function someMember(value: object, test: (member: unknown, name: string) => boolean): boolean {
  if (Array.isArray(value)) return value.some((member) => test(member, ''));
  for (const name in value) if (test((value as Record<string, unknown>)[name], name)) return true;
  return false;
}
