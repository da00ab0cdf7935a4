/**
 * What some runs need besides the two tools: more of them (`BENCH_TOOLS`), large answers (`BENCH_ANSWER_CHARS`), or the tools of
 * the run `work` (`BENCH_SERVICE`). A file of its own, so that contenders that are bundled take none of it.
 */
import * as z from 'zod';
import { slugify } from './tools.mjs';

/** `measure`: the length of a text of any size, for calls with a large argument. */
const measure = {
  name: 'measure',
  title: 'Measure',
  description: 'Tell how long a text is.',
  shape: { text: z.string().describe('The text to measure') },
  outputShape: { length: z.number().describe('Its length in UTF-16 code units') },
  call: ({ text }) => {
    const { length } = text;
    return { content: [{ type: 'text', text: String(length) }], structuredContent: { length } };
  },
};

const copies = Array.from({ length: Math.max(0, Number(process.env['BENCH_TOOLS'] ?? 2) - 2) }, (_, index) =>
  index === 0 ? measure : { ...slugify, name: `slugify-${index}`, shape: { ...slugify.shape } },
);

/** `large`: an answer of that many characters, each a text of its own. It has no output schema, so that it is sent once. */
const largeAnswer = 'x'.repeat(Number(process.env['BENCH_ANSWER_CHARS'] ?? 0));
let answers = 0;
const large = {
  name: 'large',
  title: 'Large',
  description: 'Give a large answer.',
  shape: {},
  call: () => ({ content: [{ type: 'text', text: `${largeAnswer}${++answers}` }] }),
};

const workTools = process.env['BENCH_SERVICE'] ? (await import('./work-tools.mjs')).workTools : [];

/** Further tools, up to the total that `BENCH_TOOLS` asks for: `measure`, then copies of `slugify`; or those of one run. */
export const extraTools = workTools.length > 0 ? workTools : largeAnswer === '' ? copies : [large];
