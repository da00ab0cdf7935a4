import { slugifyBatch } from '../../../tools.mjs';

export const metadata = { name: slugifyBatch.name, description: slugifyBatch.description };
export const schema = slugifyBatch.shape;
export const outputSchema = slugifyBatch.outputShape;
// xmcp gives a tool no way to report progress.
export default (args) => slugifyBatch.call(args, async () => {});
