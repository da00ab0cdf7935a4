/** Starts the server on each runtime, as docs/runtimes.md says. */
import type { TestContext } from 'node:test';
import { freePort } from '../support/ports.ts';
import { startCommand, type EntryProcess } from '../support/process.ts';
import { bin, install, type RuntimeName } from './packages.ts';
import { startWorker } from './workerd.ts';

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
  if (name === 'workerd') return startWorker(t, { env: { MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true', ...env } });
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
  const [, port] = await process.stderrMatch(/"port":(\d+).*"msg":"listening"/);
  return { url: `http://127.0.0.1:${port}/mcp`, process };
}
