/**
 * The log: one line for each event, in logfmt (`time=… level=warn msg="Host not allowed" path=/mcp`).
 *
 * It goes to stderr, because stdout belongs to the stdio transport. Never log a token, a body or a session id. Log a
 * stack, which contains paths, only at level debug.
 */

/** Characters that JSON does not escape, but that terminals and log readers treat as a command or the end of a line. */
const UNQUOTABLE = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/** Maximum length of a logged value. Some come from a client, such as its Host header. */
const MAX_VALUE_CHARS = 1000;

/** Log levels, from the most to the least verbose. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** The fields of an event. Those that are `undefined` are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes events, and drops those below its level. */
export type Logger = Record<'debug' | 'info' | 'warn' | 'error', (message: string, fields?: LogFields) => void>;

/** Options for {@link createLogger}. */
export interface LoggerOptions {
  /** The least severe level that is written. */
  level: (typeof LOG_LEVELS)[number];
  /** Receives a line without its line feed. @default `console.error`, which is stderr on every runtime */
  write?: (line: string) => void;
  /** The time now, in milliseconds since 1970. @default Date.now */
  now?: () => number;
}

/** Makes a logger. Values are quoted and escaped if necessary, so that no input can forge a line. */
export function createLogger({ level, write = writeToStderr, now = Date.now }: LoggerOptions): Logger {
  const least = LOG_LEVELS.indexOf(level);
  const at =
    (name: keyof Logger) =>
    (message: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(name) < least) return;
      const pairs = Object.entries({ time: new Date(now()).toISOString(), level: name, msg: message, ...fields });
      write(pairs.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${logfmtValue(value)}`])).join(' '));
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function writeToStderr(line: string): void {
  // oxlint-disable-next-line no-console -- the only way to stderr that every runtime has.
  console.error(line);
}

function logfmtValue(value: string | number | boolean): string {
  const text = shortened(String(value));
  return /^[\w./:*@-]+$/.test(text) ? text : JSON.stringify(text).replace(UNQUOTABLE, unicodeEscape);
}

function shortened(text: string): string {
  return text.length > MAX_VALUE_CHARS ? `${text.slice(0, MAX_VALUE_CHARS)}…` : text;
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
