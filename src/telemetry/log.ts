/**
 * The log: one line for each event, in logfmt (`time=… level=warn msg="Host not allowed" path=/mcp`).
 *
 * It goes to stderr, which is free in both transports. Never pass a token, a body or a session id; a stack,
 * which names paths, at level debug only.
 */

/** What JSON leaves as it is, although terminals and log readers take it for a command or a line's end. */
const UNQUOTABLE = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/** Log levels, from the most to the least talkative. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Further facts of an event. `undefined` values are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes events, or drops those below its level. */
export type Logger = Record<'debug' | 'info' | 'warn' | 'error', (message: string, fields?: LogFields) => void>;

/** Options for {@link createLogger}. */
export interface LoggerOptions {
  /** Least severe level that is written. */
  level: (typeof LOG_LEVELS)[number];
  /** Takes a line, without its line feed. */
  write: (line: string) => void;
  /** The time now, in milliseconds since 1970. @default Date.now */
  now?: () => number;
}

/** Makes a logger. Values are quoted and escaped where needed, so that no input can forge a line. */
export function createLogger({ level, write, now = Date.now }: LoggerOptions): Logger {
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

function logfmtValue(value: string | number | boolean): string {
  const text = String(value);
  return /^[\w./:*@-]+$/.test(text) ? text : JSON.stringify(text).replace(UNQUOTABLE, unicodeEscape);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
