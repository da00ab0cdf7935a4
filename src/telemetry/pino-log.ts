/** The log of a server on Node.js: pino, on stderr, because stdout belongs to the stdio transport. */
import { pino } from 'pino';
import { printable, shortened, type LOG_LEVELS, type LogFields, type Logger, type Severity } from './log.ts';

/** How much may wait for a reader of stderr that is stuck, in bytes: some thousand lines. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** `LOG_FORMAT=pretty` asks for a package that is not installed. */
export class PrettyUnavailableError extends Error {
  override name = 'PrettyUnavailableError';
}

/** Options for {@link openLog}. */
export interface OpenLogOptions {
  /** The least severe level that is written. */
  level: (typeof LOG_LEVELS)[number];
  /** The form of lines. @default pretty on a terminal, if pino-pretty is installed, and JSON otherwise */
  format?: 'json' | 'pretty' | undefined;
  /** Receives lines, each with its line feed. @default stderr */
  write?: (text: string) => void;
  /** Whether the lines go to a terminal, and whether that has colors. @default as stderr has it */
  terminal?: { isTerminal: boolean; hasColors: boolean };
  /** Loads the package that formats lines for people. @default pino-pretty */
  loadPretty?: () => Promise<PinoPretty>;
}

/** What is used of pino-pretty. Its own types are missing where only production packages are installed. */
export interface PinoPretty {
  prettyFactory(options: { colorize: boolean; singleLine: boolean; translateTime: string }): (line: string) => string;
}

/**
 * Opens the log. Requests wait neither for their lines to be written nor for a reader that is stuck. What is logged right before
 * the process exits, or dies of an exception, is still written; what is logged right before it is killed may not be.
 *
 * @throws {@link PrettyUnavailableError} if `format` is `pretty` and pino-pretty is not installed.
 */
export async function openLog(options: OpenLogOptions): Promise<Logger> {
  const { level, terminal = stderrTerminal() } = options;
  const format = await lineFormat(options, terminal);
  const onlost = (lines: number) => log.warn('log lines were lost: stderr is not read fast enough', { lines });
  const { write = writeToStderr(onlost) } = options;
  const logger = pino(
    {
      level,
      // Neither process id nor host name: whatever collects the lines knows where they come from.
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => shortened(fields as LogFields),
      },
    },
    // Last, because pino-pretty writes values as the client has sent them.
    { write: (line: string) => write(printable(format(line))) },
  );
  const at =
    (severity: Severity) =>
    (message: string, fields: LogFields = {}) =>
      logger[severity](fields, message);
  const log: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    isLevelEnabled: (severity) => logger.isLevelEnabled(severity),
  };
  return log;
}

const asItIs = (line: string) => line;

function importPretty(): Promise<PinoPretty> {
  // By a name that the compiler does not look up.
  const name: string = 'pino-pretty';
  return import(name) as Promise<PinoPretty>;
}

/** Returns what turns a line of JSON into one of the wanted form. */
async function lineFormat(
  { format, loadPretty = importPretty }: OpenLogOptions,
  { isTerminal, hasColors }: { isTerminal: boolean; hasColors: boolean },
): Promise<(line: string) => string> {
  if (format === 'json' || (format === undefined && !isTerminal)) return asItIs;
  try {
    const pretty = await loadPretty();
    return pretty.prettyFactory({ colorize: hasColors, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    if (format === undefined) return asItIs;
    const message = 'LOG_FORMAT=pretty needs the package pino-pretty: npm install pino-pretty';
    throw new PrettyUnavailableError(message, { cause });
  }
}

/**
 * Writes the lines of one turn of the event loop together, and those of the last turn when the process exits. If nobody reads
 * stderr any more, lines are lost; if its reader is stuck, so are those beyond {@link MAX_UNREAD_BYTES}, and `onlost` learns how
 * many there were once it reads again. The server goes on.
 */
function writeToStderr(onlost: (lines: number) => void): (text: string) => void {
  const { stderr } = process;
  let waiting = '';
  let lines = 0;
  let lost = 0;
  const flush = () => {
    const [text, count, missing] = [waiting, lines, lost];
    waiting = '';
    lines = 0;
    if (stderr.writableLength > MAX_UNREAD_BYTES) {
      lost += count;
      return;
    }
    stderr.write(text);
    lost = 0;
    if (missing > 0) onlost(missing);
  };
  // A reader that has gone away, or a full disk. It is tried again with the next lines.
  stderr.on('error', () => {});
  let isExiting = false;
  process.once('exit', () => {
    isExiting = true;
    flush();
  });
  return (text) => {
    if (waiting === '' && !isExiting) setImmediate(flush);
    waiting += text;
    lines += 1;
    // There is no further turn: another listener of the exit has logged this.
    if (isExiting) flush();
  };
}

function stderrTerminal() {
  const { stderr } = process;
  return { isTerminal: stderr.isTTY, hasColors: stderr.isTTY && stderr.hasColors() };
}
