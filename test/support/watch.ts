/** What comes out of a stream, as text that a test can wait for. */
import type { Readable } from 'node:stream';

export interface WatchedText {
  readonly text: string;
  /** Waits for `pattern` in the text, or finds it there already; rejects when the stream closes without it. */
  match(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Reads `stream` from now on. */
export function watchText(stream: Readable): WatchedText {
  const waiting = new Set<() => void>();
  let text = '';
  let ended = false;
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    for (const look of waiting) look();
  });
  stream.once('close', () => {
    ended = true;
    for (const look of waiting) look();
  });
  return {
    get text() {
      return text;
    },
    match: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(text);
          if (found) resolve(found);
          if (ended) reject(new Error(`Closed without ${pattern}: ${text}`));
          if (found || ended) waiting.delete(look);
          else waiting.add(look);
        };
        look();
      }),
  };
}
