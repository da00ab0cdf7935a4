/** The configurations in `docs/behind-a-proxy.md`, on the ports and with the timeouts of a test. What the docs show is what runs. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../support/process.ts';

export type ProxyKind = 'nginx' | 'Caddy' | 'HAProxy';

/** What a test changes in a configuration. */
export interface ProxyOptions {
  /** The ports of the server's instances. */
  upstreams: readonly number[];
  /** Every timeout of 60 seconds. @default '60s' */
  timeout?: string;
  /** Blocks of the docs that replace their namesakes, by the first line of each. @default none */
  variants?: readonly string[];
  /** Changes what the docs show. @default no change */
  edit?: (config: string) => string;
}

const page = await readFile(join(PROJECT_ROOT, 'docs/behind-a-proxy.md'), 'utf8');
/** The blocks of the docs by their first lines, which are comments. */
const blocks = new Map(
  Array.from(page.matchAll(/^```(?:nginx|caddyfile|haproxy)\n# (.*)\n([^]*?)^```$/gm), ([, title = '', text = '']) => [
    title,
    text,
  ]),
);

/** The first lines of all blocks in the docs. */
export const titles: readonly string[] = [...blocks.keys()];

function block(title: string): string {
  const text = blocks.get(title);
  assert.ok(text, `docs/behind-a-proxy.md has a block "# ${title}"`);
  return text;
}

/** The whole configuration of a proxy that listens on `port`, without TLS, and keeps its files in `folder`. */
export function configOf(kind: ProxyKind, port: number, folder: string, options: ProxyOptions): string {
  const { timeout = '60s', edit = (config) => config } = options;
  const config = edit(MAKE[kind](port, folder, options)).replaceAll(/\b60s\b/g, timeout);
  return options.upstreams.reduce((text, upstream, index) => {
    const written = options.upstreams.length === 1 ? 3000 : 3001 + index;
    return replace(text, `127.0.0.1:${written}`, `127.0.0.1:${upstream}`);
  }, config);
}

const MAKE: Record<ProxyKind, (port: number, folder: string, options: ProxyOptions) => string> = {
  nginx(port, folder, { variants = [] }) {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const listening = replace(block('/etc/nginx/conf.d/mcp.conf'), 'listen 443 ssl;', `listen 127.0.0.1:${port};`);
    let server = listening.replaceAll(/^ *ssl_.*\n/gm, '');
    for (const title of variants) {
      const variant = block(title);
      server = variant.startsWith('upstream')
        ? replace(server, /^upstream mcp \{[^]*?^\}\n/m, variant)
        : replace(server, /^ *location \/ \{[^]*?\}\n/m, variant);
    }
    return [
      'daemon off; master_process off; error_log stderr; pid nginx.pid;',
      'events {}',
      'http {',
      'access_log off;',
      ...temporary.map((name) => `${name}_temp_path ${folder}/${name};`),
      server,
      '}',
      '',
    ].join('\n');
  },
  Caddy(port) {
    const site = replace(block('/etc/caddy/Caddyfile'), 'mcp.example.com', `http://:${port}`);
    return `{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n${site}`;
  },
  HAProxy(port, _folder, { variants = [] }) {
    const written = block('/etc/haproxy/haproxy.cfg');
    const listening = replace(written, /bind :443 ssl .*/, `bind 127.0.0.1:${port}`);
    return variants.reduce((text, title) => replace(text, /^backend mcp\n[^]*$/m, block(title)), listening);
  },
};

/** Replaces what must be there. */
function replace(text: string, pattern: string | RegExp, replacement: string): string {
  const replaced = text.replace(pattern, () => replacement);
  assert.notEqual(replaced, text, `${String(pattern)} is in the configuration`);
  return replaced;
}
