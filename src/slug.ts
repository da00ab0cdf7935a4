/**
 * Slugs: what the example's tools compute.
 *
 * Pure functions that know nothing of MCP. They go when `mcp-server.ts` is replaced.
 */
import transliterate from '@sindresorhus/transliterate';

/** Longest text to turn into one slug. A slug has no use for more, and the bound keeps a call within milliseconds. */
export const MAX_TEXT_CHARS = 10_000;
/** Longest title in a list. */
export const MAX_TITLE_CHARS = 1_000;
/** Most titles in a list. */
export const MAX_TITLES = 1_000;

/** How a slug should look. */
export interface SlugOptions {
  /** What separates two words. */
  separator: '-' | '_' | '.' | '~';
  /** Whether to convert the slug to lower case. */
  lowercase: boolean;
  /** Longest slug, in characters. @default no limit */
  maxLength?: number | undefined;
  /**
   * Which letters to keep. `auto` transliterates to Latin letters and keeps what cannot be transliterated, `ascii`
   * drops the rest, and `unicode` keeps the letters of every script.
   */
  characters: 'auto' | 'ascii' | 'unicode';
}

/**
 * Scripts that the transliterator knows. From all others it strips the combining marks, which would ruin Hindi or
 * Japanese.
 */
const TRANSLITERABLE =
  /(?:[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Georgian}\p{Script=Arabic}\p{Script=Thaana}]\p{M}*)+/gu;
/** The apostrophe in an English contraction, which joins rather than separates: don't, it's, we're. */
const CONTRACTION = /(?<=\p{L})['’](?=(?:[tsdm]|ll|re|ve)(?![\p{L}\p{N}]))/giu;
/**
 * Modifier letters, among them the okina of Hawaiian and the apostrophe of Ukrainian. They change how a letter sounds,
 * and are no letters of a slug.
 */
const MODIFIERS = /[\u02B9-\u02FF\uA78B\uA78C]/gu;
/** Signs that Unicode decomposes into letters, but that are no part of a word: Acme™, Acme℠. */
const MARKS = /[™℠]/gu;
/**
 * Where a number or a sign ends that decomposes into digits or letters: 1½ is not 11/2, 10² is not 102, №5 is not a word.
 * Superscripts belong together, as in 10²³.
 */
const NUMBER_EDGE =
  /(?<=\p{N})(?=(?![⁰¹²³⁴-⁹₀-₉])\p{No})|(?<=\p{Nd})(?=[⁰¹²³⁴-⁹₀-₉])|(?<=\p{No})(?=\p{Nd})|(?<=\p{L})(?=\p{So})|(?<=\p{So})(?=[\p{L}\p{N}])/gu;
const ASCII = /^\p{ASCII}*$/u;
/** Joiners, soft hyphens, variation selectors: invisible, and not a word boundary. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
/** Letters and digits with their marks, except enclosing marks: the frame of a keycap emoji is not part of a word. */
const ANY_WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{Mn}\p{Mc}]*/gu;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const ASCII_WORD = /[A-Za-z0-9]+/g;
const ASCII_LETTERS = /^[A-Za-z]+$/;
/** How much of a text an error message quotes. */
const MAX_QUOTED_CHARS = 40;

/** A slug, or why there is none. */
export type SlugResult =
  | { slug: string; isNumbered: boolean; problem?: undefined }
  | { slug?: undefined; isNumbered?: undefined; problem: string };

/** Returns the slug of `text`, or a problem if the text contains no letter or digit to keep. */
export function slugOf(text: string, options: SlugOptions): SlugResult {
  const slug = plainSlug(text, options);
  return slug === '' ? { problem: `${quote(text)} ${nothingLeft(options)}` } : { slug, isNumbered: false };
}

/**
 * Returns a function that takes one title after another. A slug that is already taken gets a number.
 *
 * A title is a problem if it contains no letter or digit to keep, or if its slug has been given so often that the next
 * number does not fit `maxLength`.
 */
export function createUniqueSlug(options: SlugOptions): (title: string) => SlugResult {
  const taken = new Set<string>();
  /** Where to continue counting, so that a thousand equal titles take a thousand steps rather than half a million. */
  const lastNumber = new Map<string, number>();
  const { maxLength = Infinity } = options;
  return (title) => {
    const base = plainSlug(title, options);
    if (base === '') return { problem: `Title ${taken.size + 1}, ${quote(title)}, ${nothingLeft(options)}` };
    let number = lastNumber.get(base) ?? 1;
    let slug = base;
    while (taken.has(slug)) slug = numbered(base, ++number, options);
    if (maxLength !== Infinity && charactersOf(slug).length > maxLength) {
      return { problem: `Too many titles share a slug to number them within maxLength ${maxLength}.` };
    }
    lastNumber.set(base, number);
    taken.add(slug);
    return { slug, isNumbered: slug !== base };
  };
}

/**
 * Returns a check that a text has at most `maxChars` characters once NFKC has expanded it. Some characters stand for a
 * whole phrase and become eighteen.
 */
export function isShort(maxChars: number): (text: string) => boolean {
  return (text) => text.normalize('NFKC').length <= maxChars;
}

/** The slug of `text`; an empty string if it contains no letter or digit to keep. */
function plainSlug(text: string, { separator, lowercase, maxLength, characters }: SlugOptions): string {
  const isAscii = ASCII.test(text);
  let plain = isAscii ? text : withoutSigns(text).normalize('NFKC').replace(INVISIBLE, '');
  plain = plain.replace(CONTRACTION, '');
  if (characters !== 'unicode') {
    plain = plain.replaceAll('&', ' and ');
    if (!isAscii) plain = plain.replace(TRANSLITERABLE, transliterated);
  }
  // The dot would become a mark of its own.
  if (lowercase) plain = plain.replaceAll('İ', 'i').toLowerCase();
  const words = plain.normalize('NFC').match(characters === 'ascii' ? ASCII_WORD : ANY_WORD) ?? [];
  return joinWithin(words, separator, maxLength ?? Infinity);
}

/** Keeps the meaning of what NFKC would turn into plain letters and digits. */
function withoutSigns(text: string): string {
  return text.normalize('NFC').replace(MARKS, ' ').replace(MODIFIERS, '').replace(NUMBER_EDGE, ' ');
}

/** The transliterator leaves ASCII as it is, but is slow to find that out. */
function transliterated(letters: string): string {
  return ASCII_LETTERS.test(letters) ? letters : transliterate(letters);
}

/** The characters of `text` as people see them: a letter with its marks is one (UAX #29). */
function charactersOf(text: string): string[] {
  return ASCII.test(text) ? text.split('') : Array.from(graphemes.segment(text), ({ segment }) => segment);
}

/** Joins whole words as long as they fit. A first word that is too long is cut between characters. */
function joinWithin(words: string[], separator: string, maxLength: number): string {
  let slug = '';
  let length = 0;
  for (const word of words) {
    // Without a limit there is no need to count.
    const characters = maxLength === Infinity ? [word] : charactersOf(word);
    if (slug === '') {
      slug = characters.slice(0, maxLength).join('');
      length = characters.length;
    } else {
      length += separator.length + characters.length;
      if (length <= maxLength) slug += separator + word;
    }
    if (length >= maxLength) break;
  }
  return slug;
}

/** Appends a number to `base`, and shortens `base` so that both fit within `maxLength`. */
function numbered(base: string, number: number, { separator, maxLength = Infinity }: SlugOptions): string {
  const suffix = `${separator}${number}`;
  const room = Math.max(maxLength - suffix.length, 0);
  const stem = joinWithin(base.split(separator), separator, room);
  return stem === '' ? String(number) : stem + suffix;
}

/** Says why a slug is empty and, if another option would help, which one. */
function nothingLeft({ characters }: SlugOptions): string {
  const why =
    characters === 'ascii'
      ? 'it has no letter or digit with an ASCII form. characters: "auto" or "unicode" keeps other scripts'
      : 'it has no letter or digit';
  return `leaves nothing to make a slug of: ${why}.`;
}

/** Quotes the beginning of `text` for an error message. */
function quote(text: string): string {
  const shown = [...text].slice(0, MAX_QUOTED_CHARS).join('');
  return `"${shown}${shown.length < text.length ? '…' : ''}"`;
}
