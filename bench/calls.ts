/** The calls, and their right answers. */
import type { Expected } from './answers.ts';
import type { Call } from './requests.ts';

/** A call with its answer. */
export interface CallWithAnswer {
  call: Call;
  expected: Expected;
}

/** The call of the comparison: a title as people write them. */
export const SLUGIFY: CallWithAnswer = {
  call: { tool: 'slugify', args: { text: 'Hello, World! Crème brûlée for beginners' } },
  expected: slugAnswer('hello-world-creme-brulee-for-beginners'),
};

/** Arguments that the schema of `slugify` does not allow. */
export const INVALID_CALL: Call = { tool: 'slugify', args: { text: 5 } };

/** The number of titles, and of steps in which a batch of them reports progress. */
const BATCH_STEPS = 40;

/** A batch that asks for progress. */
export const SLUGIFY_BATCH: CallWithAnswer = batchOf(BATCH_STEPS);

/** A call with an argument of that many bytes. */
export function measureCall(bytes: number): CallWithAnswer {
  return {
    call: { tool: 'measure', args: { text: 'x'.repeat(bytes) } },
    expected: { text: String(bytes), structuredContent: { length: bytes } },
  };
}

function batchOf(size: number): CallWithAnswer {
  const numbers = Array.from({ length: size }, (_, index) => index + 1);
  const slugs = numbers.map((number) => `chapter-${number}`);
  return {
    call: {
      tool: 'slugify-batch',
      args: { titles: numbers.map((number) => `Chapter ${number}`) },
      wantsProgress: true,
    },
    expected: { text: slugs.join('\n'), structuredContent: { slugs }, progress: BATCH_STEPS },
  };
}

function slugAnswer(slug: string): Expected {
  return { text: slug, structuredContent: { slug } };
}
