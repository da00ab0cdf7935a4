/**
 * The log: one JSON object a line for each event (`{"level":"warn","time":"…","path":"/mcp","msg":"Host not allowed"}`).
 *
 * This file has the logger of `createApp`, which works on every runtime. On Node.js, `serve` passes pino in its place
 * (`pino-log.ts`): the lines are the same. Never log a token, a body, or an id of a session. Log a stack, which
 * contains paths, only at level debug.
 */

/**
 * Characters that JSON does not escape, but that terminals and log readers treat as a command or the end of a line, or that
 * reverse the direction of text, so that a line seems to say something else (Unicode Standard Annex 9).
 */
const UNPRINTABLE = /[\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g;

/** Maximum length of a logged value. Some come from a client, such as its Host header. */
const MAX_VALUE_CHARS = 1000;

/** Log levels, from the most to the least verbose. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** The levels that an event can have. */
export type Severity = Exclude<(typeof LOG_LEVELS)[number], 'silent'>;

/** The fields of an event. Those that are `undefined` are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes events, and drops those below its level. */
export interface Logger extends Record<Severity, (message: string, fields?: LogFields) => void> {
  /** Whether events of a level are written, so that nobody collects fields for nothing. @default all of them are */
  isLevelEnabled?(level: Severity): boolean;
}

/** Options for {@link createLogger}. */
export interface LoggerOptions {
  /** The least severe level that is written. */
  level: (typeof LOG_LEVELS)[number];
  /** Receives a line without its line feed. @default `console.error`, which is stderr, or the log of the platform */
  write?: (line: string) => void;
  /** The time now, in milliseconds since 1970. @default Date.now */
  now?: () => number;
}

/** Makes a logger. Values are escaped and shortened, so that no input can forge or flood a line. */
export function createLogger({ level, write = writeToConsole, now = Date.now }: LoggerOptions): Logger {
  const least = LOG_LEVELS.indexOf(level);
  const isLevelEnabled = (severity: Severity) => LOG_LEVELS.indexOf(severity) >= least;
  const at =
    (severity: Severity) =>
    (msg: string, fields: LogFields = {}) => {
      if (!isLevelEnabled(severity)) return;
      const time = new Date(now()).toISOString();
      write(printable(JSON.stringify({ level: severity, time, ...shortened(fields), msg })));
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), isLevelEnabled };
}

/** The fields with long values cut; `fields` itself if there are none. */
export function shortened(fields: LogFields): LogFields {
  if (!Object.values(fields).some((value) => typeof value === 'string' && value.length > MAX_VALUE_CHARS))
    return fields;
  const entries = Object.entries(fields).map(([key, value]) => [key, typeof value === 'string' ? cut(value) : value]);
  return Object.fromEntries(entries) as LogFields;
}

/** A line of JSON with what {@link UNPRINTABLE} matches escaped. */
export function printable(line: string): string {
  return line.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * What the SDK says of an error, without the messages, ids, headers and tokens that it quotes: they are a client's, and may hold
 * secrets. The cause of a failure to send is the server's own, and stays.
 */
export function withoutQuotes({ message }: Error): string {
  const [own = ''] = /^(?:Failed to [^'"`{[]*|[^:'"`{[(]*)/.exec(message) ?? [];
  return own.length < message.length ? `${own.trimEnd()}…` : message;
}

function cut(text: string): string {
  return text.length > MAX_VALUE_CHARS ? `${text.slice(0, MAX_VALUE_CHARS)}…` : text;
}

function writeToConsole(line: string): void {
  // oxlint-disable-next-line no-console -- the only way to stderr that every runtime has.
  console.error(line);
}
