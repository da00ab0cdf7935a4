/** Starts the server on each runtime, as docs/runtimes.md says. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { bundleForWorkers } from '../support/bundle.ts';
import { freePort } from '../support/ports.ts';
import { startCommand, type EntryProcess } from '../support/process.ts';
import { bin, install, type RuntimeName } from './packages.ts';

type Env = Record<string, string>;

export interface Started {
  url: string;
  process: EntryProcess;
}

/** Starts the server on a runtime, which is installed first if need be. It is stopped with the test. */
export async function startOn(t: TestContext, name: RuntimeName, env: Env = {}): Promise<Started> {
  await install(name);
  if (name === 'Bun') return startOnBun(t, env);
  if (name === 'Deno') return startOnDeno(t, env);
  if (name === 'workerd') return startOnWorkerd(t, { MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true', ...env });
  return startOnNode(t, name, env);
}

async function startOnNode(t: TestContext, name: RuntimeName, env: Env): Promise<Started> {
  const args = ['--import', './loader.mjs', 'src/http-server.ts'];
  const process = startCommand(t, bin(name, 'node'), { args, env: { PORT: '0', ...env } });
  const [, url = ''] = await process.stderrMatch(/listening on (\S+)/);
  return { url, process };
}

async function startOnBun(t: TestContext, env: Env): Promise<Started> {
  const port = String(await freePort());
  const process = startCommand(t, bin('Bun', 'bun'), {
    args: ['src/edge-server.ts'],
    env: { HOST: '127.0.0.1', PORT: port, ...env },
  });
  await process.stdoutMatch(/Started .*server/);
  return { url: `http://127.0.0.1:${port}/mcp`, process };
}

async function startOnDeno(t: TestContext, env: Env): Promise<Started> {
  const args = ['serve', '--host', '127.0.0.1', '--port', '0', '--allow-env', '--allow-net', 'src/edge-server.ts'];
  const process = startCommand(t, bin('Deno', 'deno'), { args, env: { HOST: '127.0.0.1', ...env } });
  const [, port] = await process.stderrMatch(/listening.*port\W+(\d+)/);
  return { url: `http://127.0.0.1:${port}/mcp`, process };
}

async function startOnWorkerd(t: TestContext, env: Env): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'workerd-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { text } = await bundleForWorkers("export { default } from './src/edge-server.ts';");
  await writeFile(join(folder, 'worker.js'), text);
  await writeFile(join(folder, 'config.capnp'), workerdConfig(env));
  // It reports the port on the file descriptor that it is told.
  const args = ['serve', join(folder, 'config.capnp'), '--socket-addr=http=127.0.0.1:0', '--control-fd=1'];
  const process = startCommand(t, bin('workerd', 'workerd'), { args });
  const [, port] = await process.stdoutMatch(/"event":"listen".*"port":(\d+)/);
  return { url: `http://127.0.0.1:${port}/mcp`, process };
}

/** As wrangler would write it for deploy/wrangler.toml, but for Node.js built-ins, which are off. */
function workerdConfig(env: Env): string {
  const bindings = Object.entries(env).map(([name, text]) => `(name = "${name}", text = ${JSON.stringify(text)})`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker", esModule = embed "worker.js")],
    bindings = [${bindings.join(', ')}],
    compatibilityDate = "2026-10-23",
    compatibilityFlags = ["enable_request_signal", "no_nodejs_compat", "no_nodejs_compat_v2"],
  ))],
  sockets = [(name = "http", service = "main", http = ())],
);
`;
}
