/**
 * Entry of the process that hosts a client library, with the newer Node.js: `hosted.ts` says what the lines mean.
 *
 * Called with the name of a library of `hosted-libraries.ts`, its mode, the folder that it is installed in, and the target in
 * JSON.
 */
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { HOSTED_LIBRARIES, type Library, type LibraryName, type Target } from './hosted-libraries.ts';

const [, , name = '', mode = '', folder = '', target = ''] = process.argv;
const say = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`);
/** As a module in that folder would import it; needs `--experimental-import-meta-resolve`. */
const load = (specifier: string) =>
  import(import.meta.resolve(specifier, pathToFileURL(join(folder, 'package.json')).href)) as Promise<unknown>;

const library = await HOSTED_LIBRARIES[name as LibraryName](load, JSON.parse(target) as Target, mode);
say({ result: 'connected' });
for await (const line of createInterface({ input: process.stdin })) say(await answer(library, line));

async function answer({ list, call }: Library, line: string): Promise<object> {
  const question = JSON.parse(line) as { call?: string; args?: Record<string, unknown> };
  try {
    if (question.call === undefined) return { result: await list() };
    const onProgress = (progress: number) => say({ progress });
    return { result: await call(question.call, question.args ?? {}, onProgress) };
  } catch (error) {
    return { error: String(error) };
  }
}
