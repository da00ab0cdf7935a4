#!/usr/bin/env node
/** The command `hono-mcp-server`: hosts the MCP server of any module over HTTP, or over stdio. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { CreateServer, Notifier, OnSessionEnd } from '../tools.ts';
import { keepCompiled } from '../startup/compile-cache.ts';
import { printToStderr } from '../stdio/print-to-stderr.ts';

const USAGE = `Usage: hono-mcp-server MODULE [--stdio | --watch]

Hosts the MCP server of MODULE, a JavaScript file that exports the function createMcpServer, or a function as its
default, which returns a new McpServer. Serves Streamable HTTP at /mcp, or stdio with --stdio.

MODULE may export two more: notify, made by createNotifier(), to tell clients of changes from outside of calls, and the
function onSessionEnd(sessionId, reason), which is called when a session has ended.

  --stdio        serve on stdin and stdout
  --watch        restart when a source file changes in the folder of MODULE, or below it: for development, over HTTP
  --help, -h     print this text
  --version, -v  print the version

`;

/** A mistake in the command line or in the module. The message is one line for whoever typed the command. */
class UsageError extends Error {
  override name = 'UsageError';
}

keepCompiled(`${import.meta.dirname}/../..`);

try {
  await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  // Not by `loadConfig`: a wrong setting must not hide the error.
  if (process.env['LOG_LEVEL'] === 'debug' && error.cause instanceof Error) {
    process.stderr.write(`${error.cause.stack}\n`);
  }
  process.exit(1);
}

async function run(args: string[]): Promise<void> {
  const { values, positionals } = parseCommand(args);
  if (values.help) {
    const { helpText } = await import('./banner.ts');
    return void process.stdout.write(USAGE + helpText());
  }
  if (values.version) return void process.stdout.write(`${packageVersion()}\n`);
  const [path, ...rest] = positionals;
  if (path === undefined) throw new UsageError('Name the module to host, such as ./my-server.js. See --help.');
  if (rest.length > 0) throw new UsageError(`Name one module, not ${positionals.length}. See --help.`);
  const file = fileOf(path);
  if (values.watch) {
    if (values.stdio)
      throw new UsageError('--watch is for HTTP: over stdio, the client starts the server. See --help.');
    const { restartOnChange } = await import('../startup/watch.ts');
    restartOnChange({ folder: dirname(file), args: ['--', path] });
    return;
  }
  if (values.stdio) printToStderr();
  // First, since settings are parsed once: to compile their schemas would take longer than that.
  else await import('../config/config.ts');
  // Before the rest: it compiles the schemas that are made after it, including those of the module.
  await import('zod/compile');
  const module = await load(path, file);
  const createServer = createServerOf(path, module);
  const options = { ...notifierOf(path, module), ...sessionEndOf(path, module) };
  if (values.stdio) {
    const { serveOverStdio } = await import('../stdio/serve-stdio.ts');
    serveOverStdio(createServer, options);
  } else {
    const { serve } = await import('./serve.ts');
    await serve(createServer, options);
  }
}

function parseCommand(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        stdio: { type: 'boolean' },
        watch: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    });
  } catch (error) {
    // Its message names the option, and then explains how to pass a path that looks like one.
    throw new UsageError(`${messageOf(error).split('. ')[0]}. See --help.`);
  }
}

function fileOf(path: string): string {
  const file = resolve(path);
  if (!existsSync(file)) throw new UsageError(`There is no file ${path}.`);
  if (!statSync(file).isFile()) throw new UsageError(`${path} is not a file.`);
  return file;
}

async function load(path: string, file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    const { code } = (cause ?? {}) as NodeJS.ErrnoException;
    if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?ts$/.test(path)) {
      const remedy = 'Compile TypeScript to JavaScript, or use Node.js 22.18 or later.';
      throw new UsageError(`Node.js ${process.version} cannot run ${path}. ${remedy}`, { cause });
    }
    // Its stack does not say where it is. Node.js knows, and prints the line of an error that is not caught.
    if (cause instanceof SyntaxError) throw cause;
    const [line = ''] = messageOf(cause).split('\n');
    throw new UsageError(`${path} failed to load: ${line} (LOG_LEVEL=debug prints the stack)`, { cause });
  }
}

function createServerOf(path: string, module: Record<string, unknown>): CreateServer {
  const name = 'createMcpServer' in module ? 'createMcpServer' : 'default';
  const value = module[name];
  if (typeof value === 'function') return value as CreateServer;
  const needed = 'It must export a function createMcpServer, or a default function, that returns a new McpServer.';
  if (name in module) throw new UsageError(`${path} exports ${name}, but not as a function. ${needed}`);
  const names = Object.keys(module);
  throw new UsageError(`${path} exports ${names.length === 0 ? 'nothing' : names.join(', ')}. ${needed}`);
}

function notifierOf(path: string, { notify }: Record<string, unknown>): { notify?: Notifier } {
  if (notify === undefined) return {};
  if (typeof notify === 'object' && notify !== null && 'attach' in notify) return { notify: notify as Notifier };
  throw new UsageError(`${path} exports notify, but not one that createNotifier() of hono-mcp-server/tools has made.`);
}

function sessionEndOf(path: string, { onSessionEnd }: Record<string, unknown>): { onSessionEnd?: OnSessionEnd } {
  if (onSessionEnd === undefined) return {};
  if (typeof onSessionEnd === 'function') return { onSessionEnd: onSessionEnd as OnSessionEnd };
  throw new UsageError(`${path} exports onSessionEnd, but not as a function.`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function packageVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
