import { slugify } from '../../../tools.mjs';

export const metadata = { name: slugify.name, description: slugify.description };
export const schema = slugify.shape;
export const outputSchema = slugify.outputShape;
export default (args) => slugify.call(args);
