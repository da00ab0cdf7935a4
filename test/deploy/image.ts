/**
 * Builds and runs a Dockerfile without a container engine: what the kernel does for one, in a few commands.
 *
 * The file system of this machine stands in for the base image, below an overlay that takes what is written. Each `RUN`,
 * and later the server, is process 1 of a PID namespace in that root. Only root may do so, on Linux.
 */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Instruction, Stage } from './dockerfile.ts';

/** What `docker inspect` would show of an image. */
export interface Image {
  /** A directory with `upper`, what the image has beyond its base, and `work` and `root` for the overlay. */
  folder: string;
  env: Record<string, string>;
  labels: Record<string, string>;
  workdir: string;
  user: string;
  command: string[];
  healthcheck: string[];
}

/** Where to build, and from what. */
export interface BuildOptions {
  /** The context: the root of the project. */
  context: string;
  /** Whether `.dockerignore` lets a path of the context in. */
  isInContext: (path: string) => boolean;
  /** An empty directory on another file system than `/`, such as tmpfs. */
  folder: string;
  /** The Node.js of the base image. */
  node: string;
  /** For `RUN`: what an engine passes on, such as proxies. */
  env: Record<string, string>;
}

/** Builds all stages, and returns the last one. @throws Error with the output of a `RUN` that fails */
export function buildImage(stages: readonly Stage[], options: BuildOptions): Image {
  const images = new Map<string, Image>();
  let last: Image | undefined;
  for (const [index, stage] of stages.entries()) {
    last = buildStage(stage, join(options.folder, String(index)), images, options);
    if (stage.name !== undefined) images.set(stage.name, last);
  }
  if (!last) throw new Error('there is no stage');
  return last;
}

function buildStage(stage: Stage, folder: string, images: Map<string, Image>, options: BuildOptions): Image {
  for (const name of ['upper/usr/local/bin', 'work', 'root']) mkdirSync(join(folder, name), { recursive: true });
  cpSync(options.node, join(folder, 'upper/usr/local/bin/node'));
  const image: Image = { folder, env: {}, labels: {}, workdir: '/', user: '0:0', command: [], healthcheck: [] };
  for (const instruction of stage.instructions) apply(instruction, image, images, options);
  return image;
}

function apply(instruction: Instruction, image: Image, images: Map<string, Image>, options: BuildOptions): void {
  switch (instruction.kind) {
    case 'copy':
      return copyInto(instruction, image, images, options);
    case 'run':
      return run(instruction.command, image, options);
    case 'env':
      return void Object.assign(image.env, instruction.values);
    case 'label':
      return void Object.assign(image.labels, instruction.values);
    case 'workdir':
      image.workdir = resolve(image.workdir, instruction.value);
      return void mkdirSync(join(image.folder, 'upper', image.workdir), { recursive: true });
    case 'user':
      image.user = instruction.value;
      return;
    case 'cmd':
      image.command = instruction.command;
      return;
    case 'healthcheck':
      image.healthcheck = instruction.command;
      return;
    case 'expose':
  }
}

function copyInto(
  { from, sources, target }: Extract<Instruction, { kind: 'copy' }>,
  image: Image,
  images: Map<string, Image>,
  { context, isInContext }: BuildOptions,
): void {
  const stage = from === undefined ? undefined : images.get(from);
  if (from !== undefined && !stage) throw new Error(`there is no stage ${from}`);
  const to = join(image.folder, 'upper', resolve(image.workdir, target));
  for (const source of sources) {
    if (!stage && !isInContext(source)) throw new Error(`.dockerignore keeps ${source} out`);
    const path = stage ? join(stage.folder, 'upper', source) : join(context, source);
    // As in Docker: of a directory, what is in it; of a file, the file, into a target that ends with a slash.
    const isInto = target.endsWith('/') && !statSync(path).isDirectory();
    cpSync(path, isInto ? join(to, source.replace(/^.*\//, '')) : to, { recursive: true, verbatimSymlinks: true });
  }
}

function run(command: string, image: Image, { env }: BuildOptions): void {
  const args = namespaceArgs(image, { env: { ...env, ...image.env }, mounts: '', command: ['/bin/sh', '-c', command] });
  const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`RUN ${command} ended with ${status}: ${stdout}${stderr}`);
}

/** Starts the command of an image as `docker run --read-only --cap-drop ALL --security-opt no-new-privileges` would. */
export function startContainer(
  image: Image,
  { env, volume }: { env: Record<string, string>; volume?: { from: string; to: string } | undefined },
): ChildProcessWithoutNullStreams {
  const bind = volume ? `mount --bind '${volume.from}' "$root${volume.to}"` : '';
  const options = {
    env: { PATH, ...image.env, ...env },
    mounts: `${bind}\nmount -o remount,ro "$root"`,
    command: image.command,
  };
  return spawn('unshare', namespaceArgs(image, options));
}

/** Runs a command in a container, as `docker exec` would. */
export function execIn(pid: number, image: Image, env: Record<string, string>, command: string[]) {
  const enter = ['--target', String(pid), '--mount', '--pid', '--root', '--wd'];
  const args = [...enter, ...unprivileged(image, { PATH, ...image.env, ...env }, command)];
  return spawnSync('nsenter', args, { encoding: 'utf8' });
}

/** The process that is number 1 in the namespace that `unshare` has made. */
export function firstProcess(unshare: number): number {
  const [child = ''] = readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8').split(' ');
  return Number(child);
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Makes the root of a container; the last line becomes its process 1. */
const ENTER = `set -e
root="$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
MOUNTS
shift
exec chroot "$root" "$@"`;

interface NamespaceOptions {
  env: Record<string, string>;
  mounts: string;
  command: string[];
}

function namespaceArgs(image: Image, { env, mounts, command }: NamespaceOptions): string[] {
  const namespaces = ['--mount', '--pid', '--fork'];
  const script = ENTER.replace('MOUNTS', () => mounts);
  return [...namespaces, 'sh', '-c', script, 'sh', image.folder, ...unprivileged(image, env, command)];
}

/** The command as the user of the image, who has no capability and gets none. Root of a build keeps them. */
function unprivileged({ user, workdir }: Image, env: Record<string, string>, command: string[]): string[] {
  const [uid = '', gid = ''] = user.split(':');
  const drop = ['--clear-groups', '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all'];
  const asUser = uid === '0' ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, ...drop];
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [...asUser, 'env', '--ignore-environment', `--chdir=${workdir}`, ...variables, ...command];
}
