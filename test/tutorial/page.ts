/** docs/tutorial.md, and whether its marked blocks may be written. */
import { join } from 'node:path';
import { PROJECT_ROOT } from '../support/process.ts';

export const PAGE = join(PROJECT_ROOT, 'docs/tutorial.md');
/** `TUTORIAL=write` writes what the page should show; otherwise the tests compare. */
export const MAY_WRITE = process.env['TUTORIAL'] === 'write';
