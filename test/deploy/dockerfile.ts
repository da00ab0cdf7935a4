/**
 * Reads a Dockerfile, so that a test does what the file says and the two cannot drift apart. Only the forms that
 * `deploy/Dockerfile` uses are known; any other is an error.
 */

/** One instruction, with the arguments that stages are given replaced. */
export type Instruction =
  | { kind: 'copy'; from: string | undefined; sources: string[]; target: string }
  | { kind: 'run'; command: string }
  | { kind: 'env' | 'label'; values: Record<string, string> }
  | { kind: 'workdir' | 'user' | 'expose'; value: string }
  | { kind: 'cmd'; command: string[] }
  | { kind: 'healthcheck'; options: Record<string, string>; command: string[] };

/** The instructions that follow one `FROM`. */
export interface Stage {
  base: string;
  name: string | undefined;
  instructions: Instruction[];
}

/** The stages of a Dockerfile. @throws Error at an instruction in a form that is not known */
export function parseDockerfile(text: string): Stage[] {
  const args: Record<string, string> = {};
  const stages: Stage[] = [];
  for (const line of logicalLines(text)) {
    const [, keyword = '', rest = ''] = /^([A-Z]+) +(.+)$/.exec(line) ?? [];
    const stage = stages.at(-1);
    if (keyword === 'ARG' && !stage) Object.assign(args, pairs(rest));
    else if (keyword === 'FROM') stages.push(newStage(replaceArgs(rest, args)));
    else if (stage) stage.instructions.push(instruction(keyword, rest));
    else throw new Error(`not known: ${line}`);
  }
  return stages;
}

/** Without comments, and with continued lines joined. */
function logicalLines(text: string): string[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
}

function newStage(rest: string): Stage {
  const [, base = '', name] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
  if (base === '') throw new Error(`not known: FROM ${rest}`);
  return { base, name, instructions: [] };
}

function replaceArgs(text: string, args: Record<string, string>): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = args[name];
    if (value === undefined) throw new Error(`${name} is not set`);
    return value;
  });
}

function instruction(keyword: string, rest: string): Instruction {
  switch (keyword) {
    case 'COPY':
      return copy(rest);
    case 'RUN':
      return { kind: 'run', command: rest };
    case 'ENV':
    case 'LABEL':
      return { kind: keyword === 'ENV' ? 'env' : 'label', values: pairs(rest) };
    case 'WORKDIR':
      return { kind: 'workdir', value: rest };
    case 'USER':
      return { kind: 'user', value: rest };
    case 'EXPOSE':
      return { kind: 'expose', value: rest };
    case 'CMD':
      return { kind: 'cmd', command: words(rest) };
    case 'HEALTHCHECK':
      return healthcheck(rest);
    default:
      throw new Error(`not known: ${keyword} ${rest}`);
  }
}

function copy(rest: string): Instruction {
  const [, from, paths = ''] = /^(?:--from=(\S+) )?([^-].*)$/.exec(rest) ?? [];
  const sources = paths.split(/ +/);
  const target = sources.pop();
  if (target === undefined || sources.length === 0) throw new Error(`not known: COPY ${rest}`);
  return { kind: 'copy', from, sources, target };
}

function healthcheck(rest: string): Instruction {
  const [before = '', command = ''] = rest.split(/ ?CMD /);
  const options = Array.from(before.matchAll(/--([a-z-]+)=(\S+)/g), ([, name = '', value = '']) => [name, value]);
  return { kind: 'healthcheck', options: Object.fromEntries(options), command: words(command) };
}

/** `NAME=value NAME="a value"`. */
function pairs(text: string): Record<string, string> {
  const found = Array.from(text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g), ([, name = '', quoted, bare = '']) => [
    name,
    quoted ?? bare,
  ]);
  if (found.length === 0) throw new Error(`not known: ${text}`);
  return Object.fromEntries(found);
}

/** A command as a list. In the other form, a shell would run it and keep signals to itself. */
function words(text: string): string[] {
  return JSON.parse(text) as string[];
}

/** What a `.dockerignore` lets in that keeps out everything else. @throws Error if it is of another form */
export function allowedPaths(text: string): string[] {
  const [all, ...allowed] = logicalLines(text).filter((line) => line !== '');
  if (all !== '*' || !allowed.every((line) => /^![\w.-]+$/.test(line))) throw new Error('not a list of what is let in');
  return allowed.map((line) => line.slice(1));
}
