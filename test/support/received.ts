/** The colon that a comment begins with. */
const COMMENT = 0x3a;

/** A connection as a client sees it that may lose any part of it. */
export interface Received {
  /** Everything received so far, without comments. */
  readonly bytes: Buffer;
  readonly ended: boolean;
  /** Goes away. */
  cancel(): Promise<void>;
}

/** Reads a stream as its events arrive. */
export function receive(response: Response): Received {
  if (response.body === null) throw new Error('The response has no body');
  const reader = response.body.getReader();
  let bytes = Buffer.alloc(0);
  let ended = false;
  const read = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      // A comment is a chunk of its own.
      if (value[0] !== COMMENT) bytes = Buffer.concat([bytes, value]);
    }
    ended = true;
  };
  read().catch(() => {});
  return {
    get bytes() {
      return bytes;
    },
    get ended() {
      return ended;
    },
    cancel: () => reader.cancel(),
  };
}

/** The whole events in `bytes`, without what follows the last. */
export function wholeEvents(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf('\n\n');
  return bytes.subarray(0, end < 0 ? 0 : end + 2);
}

/** The id of the last whole event in `bytes`, which a client sends to go on from there. */
export function lastEventIdIn(bytes: Buffer): string | undefined {
  return [
    ...wholeEvents(bytes)
      .toString()
      .matchAll(/^id: (.*)$/gm),
  ].at(-1)?.[1];
}
