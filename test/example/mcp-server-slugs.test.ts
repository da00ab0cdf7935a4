/** What slugs look like, tested through the tools. `mcp-server.test.ts` tests the tools themselves. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createMcpServer } from '../../src/mcp-server.ts';
import { connectClient } from '../../src/testing/connect-client.ts';
import { SUITE_ENV as env } from '../support/app.ts';

const { client, close } = await connectClient(createMcpServer, { era: 'legacy', env });
after(close);

/** Calls a tool, and has its text, too. */
async function call(name: string, args: Record<string, unknown>) {
  const result = await client.callTool({ name, arguments: args });
  const [first] = result.content;
  return { ...result, text: first?.type === 'text' ? first.text : '' };
}

async function slugOf(text: string, options: Record<string, unknown> = {}): Promise<string> {
  const { isError, text: slug, structuredContent } = await call('slugify', { text, ...options });
  assert.ok(!isError, slug);
  // Clients without support for structured content read the same from the text.
  assert.deepEqual(structuredContent, { slug });
  return slug;
}

async function slugsOf(titles: string[], options: Record<string, unknown> = {}): Promise<string[]> {
  const { isError, text, structuredContent } = await call('slugify-batch', { titles, ...options });
  assert.ok(!isError, text);
  const slugs = text.split('\n');
  assert.deepEqual(structuredContent, { slugs });
  return slugs;
}

async function toolErrorOf(tool: string, args: Record<string, unknown>): Promise<string> {
  const { isError, text, structuredContent } = await call(tool, args);
  assert.equal(isError, true);
  assert.equal(structuredContent, undefined);
  return text;
}

/** The first characters of a text, as people see them. */
function graphemesOf(text: string, count: number): string {
  const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text);
  return Array.from(segments, ({ segment }) => segment)
    .slice(0, count)
    .join('');
}

const TEXTS: [what: string, text: string, slug: string, options?: Record<string, unknown>][] = [
  ['plain words', 'Hello World 2026', 'hello-world-2026'],
  ['accents', 'Crème brûlée à la carte', 'creme-brulee-a-la-carte'],
  ['accents written as combining marks', 'e\u0301te\u0301', 'ete'],
  ['Nordic and Polish letters', 'Ærøskøbing, Łódź', 'aeroskobing-lodz'],
  ['German', 'Über die Größe', 'ueber-die-groesse'],
  ['Turkish', 'İstanbul, Iğdır', 'istanbul-igdir'],
  ['Vietnamese', 'Tiếng Việt: Đường phố', 'tieng-viet-duong-pho'],
  ['Russian', 'Привет, мир', 'privet-mir'],
  ['Greek', 'Ελλάς και Κόσμος', 'ellas-kai-kosmos'],
  ['Arabic, digits too', 'مدرسة ١٢٣', 'mdrst-123'],
  ['Armenian', 'Հայաստան', 'hayastan'],
  ['Georgian', 'საქართველო', 'saqartvelo'],
  ['Chinese', '你好，世界', '你好-世界'],
  ['Chinese beyond 16 bits', '𠮷野家', '𠮷野家'],
  ['Japanese with dakuten', 'パンダ と ガーデン', 'パンダ-と-ガーデン'],
  ['Japanese with combining dakuten', 'ハ\u309Aンタ\u3099', 'パンダ'],
  ['Japanese of half width', 'ﾊﾟﾝﾀﾞ', 'パンダ'],
  ['Hindi with its vowel signs', 'हिन्दी में लिखें', 'हिन्दी-में-लिखें'],
  ['Thai with its tone marks', 'ที่นี่ ภาษาไทย', 'ที่นี่-ภาษาไทย'],
  ['Korean', '한국어 제목', '한국어-제목'],
  ['Hebrew', 'שלום עולם', 'שלום-עולם'],
  ['scripts side by side', '東京 café & Привет', '東京-cafe-and-privet'],
  ['emoji', 'I ♥ 🍕 pizza', 'i-pizza'],
  ['emoji of several code points', '👨‍👩‍👧‍👦 family 👍🏽 🇩🇪', 'family'],
  ['keycaps', '1️⃣ first', '1-first'],
  ['punctuation', '--Wait... what?! (really)_yes/no--', 'wait-what-really-yes-no'],
  ['contractions', "Don't! It's what we're, they'll, I've, she'd", 'dont-its-what-were-theyll-ive-shed'],
  ['a typographic apostrophe', 'Don’t', 'dont'],
  ['other apostrophes', "L'été d’Anna, rock'n'roll", 'l-ete-d-anna-rock-n-roll'],
  ['an ampersand', 'R&D', 'r-and-d'],
  ['ligatures, fractions and styled letters', 'ﬁne ½ 𝓗𝓲', 'fine-1-2-hi'],
  ['a fraction after a number', '1½ cups', '1-1-2-cups'],
  ['a number after a fraction', '½5', '1-2-5'],
  ['a superscript after a number', '10²', '10-2'],
  ['superscripts in a row', '10²³ m', '10-23-m'],
  ['a superscript after a letter', 'x² H₂O', 'x2-h2o'],
  ['circled numbers', '①② Step③', '1-2-step3'],
  ['trademarks', 'Acme™ Foo℠ Bar®', 'acme-foo-bar'],
  ['a numero sign', '№5', 'no-5'],
  ['units', '5㎏ 20℃', '5kg-20-c'],
  ['letters that are apostrophes', 'Hawaiʻi, обʼєкт', 'hawaii-obyekt'],
  ['the long vowels of Japanese', 'ラーメン 人々', 'ラーメン-人々'],
  ['a dotted capital of Turkish as it is', 'İstanbul', 'istanbul', { characters: 'unicode' }],
  ['apostrophe letters of any script', 'Hawaiʻi обʼєкт', 'hawaii-обєкт', { characters: 'unicode' }],
  ['what is invisible', 'soft\u00ADhyphen zero\u200Bwidth', 'softhyphen-zerowidth'],

  ['words with another separator', 'Hello big World', 'hello_big_world', { separator: '_' }],
  ['upper case where it is kept', 'Hello Ünï', 'Hello-Ueni', { lowercase: false }],
  ['letters of any script', 'Über Ünï Привет R&D', 'über-ünï-привет-r-d', { characters: 'unicode' }],
  ['accents held apart by what is invisible', 'e\u200D\u0301te\u0301', 'été', { characters: 'unicode' }],
  ['upper case of any script', 'Ünï ΠΡ', 'Ünï-ΠΡ', { characters: 'unicode', lowercase: false }],
  ['what has ASCII letters', '東京 Tower Привет', 'tower-privet', { characters: 'ascii' }],

  ['a text that just fits', 'Hello big World', 'hello-big-world', { maxLength: 15 }],
  ['a text that is cut at a word', 'Hello big World', 'hello-big', { maxLength: 14 }],
  ['a text that is cut before a separator', 'Hello big World', 'hello', { maxLength: 6 }],
  ['a long word with a short one behind it', 'a wonderful b', 'a', { maxLength: 3 }],
  ['a first word that is too long', 'Hello World', 'hel', { maxLength: 3 }],
  ['characters, which are what the length counts', '𠮷野家', '𠮷野', { maxLength: 2 }],
  ['characters with their marks, which are not cut apart', 'क्षत्रिय', graphemesOf('क्षत्रिय', 2), { maxLength: 2 }],
  ['letters that become two, and count as two', 'Größe', 'groe', { maxLength: 4 }],
];

for (const [what, text, slug, options] of TEXTS) {
  test(`makes a slug of ${what}`, async () => {
    assert.equal(await slugOf(text, options), slug);
  });
}

test('takes a text of 10000 characters', async () => {
  assert.equal(await slugOf('x'.repeat(10_000)), 'x'.repeat(10_000));
});

for (const text of ['', ' ', '?!', '🍕', '👨‍👩‍👧‍👦', '_']) {
  test(`answers isError to ${JSON.stringify(text)}, which leaves nothing`, async () => {
    assert.match(
      await toolErrorOf('slugify', { text }),
      /leaves nothing to make a slug of: it has no letter or digit\.$/,
    );
  });
}

test('answers isError to a text without ASCII when characters is ascii, and says what would keep it', async () => {
  assert.match(
    await toolErrorOf('slugify', { text: '東京', characters: 'ascii' }),
    /"東京".*"auto" or "unicode" keeps/,
  );
});

test('quotes no more than the beginning of a long text in an error', async () => {
  assert.ok((await toolErrorOf('slugify', { text: '!'.repeat(10_000) })).includes(`"${'!'.repeat(40)}…"`));
});

const BATCHES: [what: string, titles: string[], slugs: string[], options?: Record<string, unknown>][] = [
  ['in the order of the titles', ['c', 'a', 'b'], ['c', 'a', 'b']],
  ['numbered from the second on', ['A title', 'a title!', 'A TITLE'], ['a-title', 'a-title-2', 'a-title-3']],
  ['past a number that is taken before', ['a-2', 'a', 'a', 'a'], ['a-2', 'a', 'a-3', 'a-4']],
  ['past a number that is taken after', ['a', 'a', 'a-2', 'a'], ['a', 'a-2', 'a-2-2', 'a-3']],
  ['with the separator asked for', ['a b', 'a b'], ['a_b', 'a_b_2'], { separator: '_' }],
  ['that differ in case only where case is kept', ['A', 'a', 'A'], ['A', 'a', 'A-2'], { lowercase: false }],
  ['of any script', ['東京', '東京', 'Мир'], ['東京', '東京-2', 'mir']],
  ['cut so that a number fits', ['Hello World', 'Hello World'], ['hello-world', 'hello-2'], { maxLength: 11 }],
  ['cut within a word where none fits', ['Hello', 'Hello'], ['hell', 'he-2'], { maxLength: 4 }],
  ['that are numbers alone where nothing else fits', ['ab', 'ab', '2'], ['ab', '2', '3'], { maxLength: 2 }],
];

for (const [what, titles, slugs, options] of BATCHES) {
  test(`makes slugs ${what}`, async () => {
    assert.deepEqual(await slugsOf(titles, options), slugs);
  });
}

test('makes a thousand slugs of equal titles that differ and keep within maxLength', async () => {
  const slugs = await slugsOf(Array<string>(1000).fill('Some title'), { maxLength: 10 });
  assert.equal(new Set(slugs).size, 1000);
  assert.ok(slugs.every((slug) => slug.length <= 10));
  assert.equal(slugs[999], 'some-1000');
});

test('answers isError to a batch, naming the title that leaves nothing', async () => {
  assert.match(await toolErrorOf('slugify-batch', { titles: ['a', '???', 'b'] }), /^Title 2, "\?\?\?", leaves nothing/);
});

test('answers isError to a batch whose numbers do not fit', async () => {
  const titles = Array<string>(10).fill('a');
  assert.match(await toolErrorOf('slugify-batch', { titles, maxLength: 1 }), /number them within maxLength 1\.$/);
});
