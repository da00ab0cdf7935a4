/**
 * The tools that every contender serves: names, schemas and functions, the same for all.
 *
 * Slugs are made by this project's `dist/slug.js` in all of them, so that they differ in nothing but the server. Schemas
 * are made once, which is the kindest way to treat a library that is handed them for every request.
 */
import * as z from 'zod';
import { slugOf } from '../../dist/slug.js';

const slugOptions = {
  separator: z.enum(['-', '_', '.', '~']).default('-').describe('What stands between two words'),
  lowercase: z.boolean().default(true).describe('Whether to turn the slug into lower case'),
  maxLength: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Longest slug to return, in characters; cut at the end of a word where one fits'),
  characters: z
    .enum(['auto', 'ascii', 'unicode'])
    .default('auto')
    .describe(
      'auto: transliterate to Latin letters and keep what has no transliteration, such as Chinese or Japanese. ' +
        'ascii: transliterate and drop the rest. unicode: keep the letters of every script as they are.',
    ),
};

/** `slugify`: one text, one slug. */
export const slugify = {
  name: 'slugify',
  title: 'Slugify',
  description: 'Turn a text in any language into a slug for a URL or a file name.',
  shape: {
    text: z
      .string()
      .max(10_000, 'text may have at most 10000 characters')
      .describe('The text to turn into a slug, in any language'),
    ...slugOptions,
  },
  outputShape: { slug: z.string().describe('The slug') },
  call: ({ text, ...options }) => {
    const { slug } = slugOf(text, options);
    return { content: [{ type: 'text', text: slug }], structuredContent: { slug } };
  },
};

/** `slugify-batch`: many titles, with progress in forty steps. `report(progress, total)` resolves when it is sent. */
export const slugifyBatch = {
  name: 'slugify-batch',
  title: 'Slugify a list',
  description: 'Turn many titles into slugs that differ from each other, in the order of the titles.',
  shape: {
    titles: z
      .array(z.string().max(1000, 'a title may have at most 1000 characters'))
      .min(1, 'give at least one title')
      .max(1000, 'at most 1000 titles fit one call: split the list')
      .describe('The titles to turn into slugs'),
    ...slugOptions,
  },
  outputShape: { slugs: z.array(z.string()).describe('One slug for each title, in the same order') },
  call: async ({ titles, ...options }, report) => {
    const taken = new Set();
    const stepSize = Math.ceil(titles.length / 40);
    const slugs = [];
    for (const title of titles) {
      const { slug: base } = slugOf(title, options);
      let slug = base;
      for (let number = 2; taken.has(slug); number += 1) slug = `${base}${options.separator}${number}`;
      taken.add(slug);
      slugs.push(slug);
      if (slugs.length % stepSize !== 0 && slugs.length < titles.length) continue;
      await report(slugs.length, titles.length);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return { content: [{ type: 'text', text: slugs.join('\n') }], structuredContent: { slugs } };
  },
};

/** Where to listen: loopback, and the port that the bench has chosen. */
export const hostname = '127.0.0.1';
export const port = Number(process.env['PORT']);
