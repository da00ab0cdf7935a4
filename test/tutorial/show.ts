/** How docs/tutorial.md shows what was captured: without noise, and the same on each run. */
import type { Exchange } from './tap.ts';

/** Headers that say nothing here, or something else on each run. */
const NOISE =
  /^(?:user-agent|content-length|date|connection: keep-alive|keep-alive|transfer-encoding|x-request-id|expect)\b/i;
/** Headers of requests that are shown when they are new. */
const USUAL = /^(?:host|content-type|accept):/i;
/** What is different on each run. Each value gets a name and a number, the first one of its kind only a name. */
const RANDOM: [name: string, pattern: RegExp][] = [
  ['session', /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{20}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g],
  ['stream', /(?<=\bid: .*\.)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi],
  ['tag', /(?<=\bid: \d+\.)[0-9a-f]{8}(?=\.)/gi],
  ['request id', /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g],
  ['token', /\b[0-9a-f]{64}\b/g],
];
const TIME = /(?<="time":")[^"]+/g;

/** What turns captures into text. It remembers what it has shown. */
export interface Show {
  exchange: (exchange: Exchange) => string;
  /** What a terminal has printed. */
  output: (text: string) => string;
}

/** @param ports - The ports that the page has, by those that were used. */
export function createShow(ports: Record<number, number>): Show {
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  const shown = new Set<string>();

  function nameOf(kind: string, value: string): string {
    const known = names.get(value);
    if (known !== undefined) return known;
    const count = (counts.get(kind) ?? 0) + 1;
    const name = count === 1 ? `<${kind}>` : `<${kind} ${count}>`;
    counts.set(kind, count);
    names.set(value, name);
    return name;
  }

  function isNew(header: string): boolean {
    if (!USUAL.test(header)) return true;
    if (shown.has(header)) return false;
    shown.add(header);
    return true;
  }

  function output(text: string): string {
    let result = text.replaceAll('\r\n', '\n').replaceAll(TIME, '<time>');
    for (const [kind, pattern] of RANDOM) result = result.replaceAll(pattern, (value) => nameOf(kind, value));
    for (const [here, written] of Object.entries(ports)) result = result.replaceAll(`:${here}`, `:${written}`);
    // Prettier removes the space at the end of an event without data.
    const lines = result.split('\n').flatMap((line) => (NOISE.test(line) ? [] : [line.trimEnd()]));
    return lines.join('\n').replaceAll(': keepalive\n\n', '').trim();
  }

  return {
    output,
    exchange({ request, response }) {
      const [head = '', ...body] = output(request).split('\n\n');
      return [head.split('\n').filter(isNew).join('\n'), ...body, output(response)].join('\n\n');
    },
  };
}
