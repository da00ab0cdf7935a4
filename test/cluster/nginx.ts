/** nginx with the shipped `deploy/nginx.conf`, on the ports of a test, as a single process. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { listening } from '../proxies/proxy.ts';
import { freePort } from '../support/ports.ts';
import { PROJECT_ROOT, startCommand } from '../support/process.ts';

/** How requests are spread: both ways are in the file, and one of them is commented out. */
export type Spreading = 'round robin' | 'by session';

/** The file as it is shipped. */
export const SHIPPED = join(PROJECT_ROOT, 'deploy/nginx.conf');
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** The shipped configuration, listening on `port` of loopback, with its files in `folder`. */
export async function nginxConfig(
  port: number,
  upstreams: readonly number[],
  folder: string,
  spreading: Spreading = 'round robin',
): Promise<string> {
  const paths = TEMPORARY.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  const servers = upstreams.map((upstream) => `server 127.0.0.1:${upstream} max_fails=0;\n`).join('');
  let config = await readFile(SHIPPED, 'utf8');
  config = replace(config, 'http {\n', `http {\naccess_log off; ${paths}\n`);
  config = replace(config, 'listen 80;', `listen 127.0.0.1:${port};`);
  config = replace(config, /( +server mcp\d:3000 max_fails=0;\n)+/, servers);
  // A test may not have so many files.
  config = replace(config, /worker_rlimit_nofile \d+;/, '');
  return spreading === 'by session' ? replace(config, '#hash $mcp_node_key', 'hash $mcp_node_key') : config;
}

/** A running nginx. */
export interface Nginx {
  readonly port: number;
  /** Its error log. */
  readonly log: string;
}

/** Starts nginx in front of servers on loopback. */
export async function startNginx(t: TestContext, upstreams: readonly number[], spreading?: Spreading): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'));
  t.after(() => rm(folder, { recursive: true }));
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  await writeFile(file, await nginxConfig(port, upstreams, folder, spreading));
  const started = startCommand(t, 'nginx', nginxOptions(file, folder, 'daemon off; master_process off;'));
  await listening(started, port);
  return {
    port,
    get log() {
      return started.stderr;
    },
  };
}

/** How to start nginx with a configuration. */
export function nginxOptions(file: string, folder: string, directives = ''): { args: string[]; env: { PATH: string } } {
  // On Debian, it is not in everybody's PATH.
  const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin` };
  const globals = `${directives} error_log stderr; pid ${folder}/nginx.pid;`;
  return { args: ['-p', folder, '-e', 'stderr', '-c', file, '-g', globals], env };
}

/** Replaces what must be there. */
function replace(text: string, pattern: string | RegExp, replacement: string): string {
  const replaced = text.replace(pattern, () => replacement);
  assert.notEqual(replaced, text, `${String(pattern)} is in deploy/nginx.conf`);
  return replaced;
}
