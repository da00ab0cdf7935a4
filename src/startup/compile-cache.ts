/** Keeps what V8 has compiled for the next start. Entries ask for it, before they load anything else. */

/** In no version of Node.js 20, and so not in its types. */
interface CompileCache {
  enableCompileCache?: (directory: string) => unknown;
}

/**
 * Keeps what is compiled from now on in `node_modules/.cache` of a folder, where Node.js can (from 22.8). Where it may
 * not write, it only uses what the same user id has kept there before. `NODE_COMPILE_CACHE` names another directory, and
 * `NODE_DISABLE_COMPILE_CACHE=1` turns it off.
 *
 * @param folder - The folder of the program. It must not be one that others may write to, such as that for temporary files,
 * which is the default of Node.js: what is in the cache is executed.
 */
export function keepCompiled(folder: string): void {
  const { enableCompileCache } = process.getBuiltinModule('node:module') as CompileCache;
  enableCompileCache?.(`${folder}/node_modules/.cache/compile`);
}
