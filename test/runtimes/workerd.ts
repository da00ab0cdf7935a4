/** Starts the server as a Worker on workerd, the runtime of Cloudflare Workers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { bundleForWorkers } from '../support/bundle.ts';
import { startCommand, type EntryProcess } from '../support/process.ts';
import { bin, install } from './packages.ts';

export interface WorkerOptions {
  /** The variables of the Worker. */
  env: Record<string, string>;
  /** The text of its module, in the root of the project. @default that of the edge entry */
  entry?: string;
  /** The text of a Worker in front of it, which it calls as `env.SERVER`. @default none */
  front?: string;
}

/** The edge entry, by the name that a bundle exports it with. */
const EDGE_ENTRY = "export { default } from './src/edge-server.ts';";

/** Starts it on a free port; it is stopped with the test. */
export async function startWorker(
  t: TestContext,
  { env, entry = EDGE_ENTRY, front }: WorkerOptions,
): Promise<{ url: string; process: EntryProcess }> {
  await install('workerd');
  const folder = await mkdtemp(join(tmpdir(), 'workerd-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'server.js'), (await bundleForWorkers(entry)).text);
  if (front !== undefined) await writeFile(join(folder, 'front.js'), front);
  await writeFile(join(folder, 'config.capnp'), configOf(env, front !== undefined));
  // It reports the port on the file descriptor that it is told.
  const args = ['serve', join(folder, 'config.capnp'), '--socket-addr=http=127.0.0.1:0', '--control-fd=1'];
  const process = startCommand(t, bin('workerd', 'workerd'), { args });
  const [, port] = await process.stdoutMatch(/"event":"listen".*"port":(\d+)/);
  return { url: `http://127.0.0.1:${port}/mcp`, process };
}

/** The same as deploy/wrangler.toml, with the Node.js built-ins off, so that nothing can use them. */
function configOf(env: Record<string, string>, hasFront: boolean): string {
  const bindings = Object.entries(env).map(([name, text]) => `(name = "${name}", text = ${JSON.stringify(text)})`);
  const front = `(name = "front", worker = (
    modules = [(name = "front", esModule = embed "front.js")],
    bindings = [(name = "SERVER", service = "server")],
    compatibilityDate = "2026-10-23",
  ))`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "server", worker = (
    modules = [(name = "server", esModule = embed "server.js")],
    bindings = [${bindings.join(', ')}],
    compatibilityDate = "2026-10-23",
    compatibilityFlags = ["enable_request_signal", "no_nodejs_compat", "no_nodejs_compat_v2"],
  ))${hasFront ? `, ${front}` : ''}],
  sockets = [(name = "http", service = "${hasFront ? 'front' : 'server'}", http = ())],
);
`;
}
