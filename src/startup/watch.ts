/**
 * Restarts a program when its source changes, for development: `--watch`. Entries call it before they load anything else,
 * so that a mistake in the tool file ends only the process that it starts, and not the one that watches.
 *
 * Not `node --watch`: a signal during a restart can leave a process behind (seen with Node.js 20.20), and a file that fails
 * to load at the start is not watched, so that correcting it changes nothing (22.23).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { lstatSync, readdirSync, realpathSync, watch, type FSWatcher } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';

/** Not JSON, and no other data: servers write it, often next to their source, and would restart themselves. */
const SOURCE = /\.[cm]?[jt]sx?$/;
/** Packages and what starts with a dot are not source. */
const SKIPPED = /^(?:node_modules$|\.)/;
/** Each folder takes one of the operating system's watches. */
const MAX_FOLDERS = 1000;
/** How long to wait for further changes, in milliseconds: an editor or `git switch` writes several files in a row. */
const DEBOUNCE_MS = 50;
/** `MCP_DRAIN_SECONDS` of the program, if it is not set: whoever has changed a file does not want to wait for calls. */
const DRAIN_SECONDS = '1';
/** How much longer than its drain a stop may take, in milliseconds. A program in an endless loop never stops by itself. */
const STOP_MARGIN_MS = 5000;
/** Runs first in the program, and stops it when the process that watches is gone, however it ended. */
const STOP_WITH_PARENT = `data:text/javascript,${encodeURIComponent(
  "process.once('disconnect', () => process.kill(process.pid, 'SIGTERM')).channel?.unref();",
)}`;

/** Options for {@link restartOnChange}. */
export interface WatchOptions {
  /** The folder of the source. Folders in it are watched, too, except for packages and hidden ones. */
  folder: string;
  /** The command line of the program, without `--watch`. */
  args: readonly string[];
}

/**
 * Runs the program that this process was started as in a process of its own, and again whenever a source file in a folder
 * changes. A program that fails stays down until the next change; one that ends by itself with code 0 is done. SIGINT,
 * SIGTERM and SIGHUP stop both, and this process ends with the code of the other, or with 0 if that had to be killed.
 */
export function restartOnChange({ folder, args }: WatchOptions): void {
  const drainSeconds = process.env['MCP_DRAIN_SECONDS']?.trim() || DRAIN_SECONDS;
  const env = { ...process.env, MCP_DRAIN_SECONDS: drainSeconds };
  const stopMs = (Number(drainSeconds) || 0) * 1000 + STOP_MARGIN_MS;
  const command = [...process.execArgv, '--import', STOP_WITH_PARENT, process.argv[1] ?? '', ...args];
  let child: ChildProcess | undefined;
  let isEnding = false;
  let isRestarting = false;

  const start = () => {
    isRestarting = false;
    child = spawn(process.execPath, command, { env, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
    child.once('exit', (code, signal) => {
      child = undefined;
      if (isEnding || (code === 0 && !isRestarting)) process.exit(code ?? 0);
      if (isRestarting) start();
      else say(`The server has ended (${signal ?? `code ${code}`}). It starts again when a file changes`);
    });
  };
  const stop = (signal: NodeJS.Signals) => {
    if (!child) process.exit(0);
    child.kill(signal);
    const stopping = child;
    setTimeout(() => stopping.kill('SIGKILL'), stopMs).unref();
  };

  start();
  watchSource(folder, (file) => {
    if (isEnding || isRestarting) return;
    say(`${relative(process.cwd(), file)} has changed: restarting`);
    if (!child) return start();
    isRestarting = true;
    stop('SIGTERM');
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      isEnding = true;
      // Servers handle the other two.
      stop(signal === 'SIGHUP' ? 'SIGTERM' : signal);
    });
  }
  say(`Restarts when a source file in ${relative(process.cwd(), folder) || 'this folder'} changes`);
}

/** Calls `onchange` with the last of several source files that change in a row. */
function watchSource(root: string, onchange: (file: string) => void): void {
  const watchers = new Map<string, FSWatcher>();
  let debounce: NodeJS.Timeout | undefined;

  const changed = (path: string) => {
    clearTimeout(debounce);
    debounce = setTimeout(onchange, DEBOUNCE_MS, path);
  };
  const onEvent = (event: 'rename' | 'change', path: string) => {
    if (SOURCE.test(path)) return changed(path);
    if (event !== 'rename') return;
    // A folder may have been added, removed, or replaced by another, and may already have files.
    forget(path);
    addBelow(path, changed);
  };
  const add = (folder: string, onfile: (path: string) => void) => {
    if (watchers.size >= MAX_FOLDERS || !isFolder(folder)) return;
    const watcher = watch(folder, (event, name) => name !== null && onEvent(event, join(folder, name)));
    watchers.set(folder, watcher);
    watcher.on('error', () => forget(folder));
    for (const name of readdirSync(folder)) {
      if (SOURCE.test(name)) onfile(join(folder, name));
      else addBelow(join(folder, name), onfile);
    }
  };
  const addBelow = (folder: string, onfile: (path: string) => void) => {
    if (SKIPPED.test(basename(folder))) return;
    try {
      add(folder, onfile);
    } catch (error) {
      // Perhaps it is gone again.
      say(`Not watching ${folder}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const forget = (folder: string) => {
    for (const [path, watcher] of watchers) {
      if (path !== folder && !path.startsWith(folder + sep)) continue;
      watcher.close();
      watchers.delete(path);
    }
  };

  add(realpathSync(root), () => {});
  if (watchers.size >= MAX_FOLDERS) say(`Only the first ${MAX_FOLDERS} folders are watched`);
}

/** Whether `path` is a folder. A link to one does not count, since links can form a circle. */
function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
