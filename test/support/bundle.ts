/** Programs as a single file, as they are deployed to Cloudflare Workers. */
import { build } from 'esbuild';
import { PROJECT_ROOT } from './process.ts';

export interface Bundle {
  /** The program. */
  text: string;
  /** The files that went into it, relative to the project's root. */
  inputs: string[];
}

/**
 * Bundles the text of a module in the project's root. No Node.js built-in is there to be imported, so one that is fails the
 * bundle.
 */
export async function bundleForWorkers(contents: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: PROJECT_ROOT, loader: 'ts' },
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    mainFields: ['browser', 'module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    absWorkingDir: PROJECT_ROOT,
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  return { text: outputFiles[0]?.text ?? '', inputs: Object.keys(metafile.inputs) };
}
