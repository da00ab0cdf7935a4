/** A line of the log: what every line has, and the fields of its event. */
export interface LogLine {
  level: string;
  time: string;
  msg: string;
  [field: string]: unknown;
}

/** The lines of a log, parsed. Of a text, such as the stderr of a process, the lines that are not JSON are left out. */
export function logLines(log: string | readonly string[]): LogLine[] {
  const lines = typeof log === 'string' ? log.split('\n').filter((line) => line.startsWith('{')) : log;
  return lines.map((line) => JSON.parse(line) as LogLine);
}

/** The lines of one level. */
export function linesAt(level: string, log: string | readonly string[]): LogLine[] {
  return logLines(log).filter((line) => line.level === level);
}

/** The messages of one level. */
export function messagesAt(level: string, log: string | readonly string[]): string[] {
  return linesAt(level, log).map(({ msg }) => msg);
}
