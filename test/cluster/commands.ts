/** What a test tells a node on its stdin, and what the node says on its stdout: a line of JSON each. */

/** A line from the test. */
export type Command =
  /** Has a call of `speak` say something on its stream, or on the GET stream, ask the client something, or end. */
  | { speech: string; say: string }
  | { speech: string; tell: string }
  | { speech: string; ask: Question }
  | { speech: string; end: string }
  /** Says that something has changed. */
  | { changed: 'tools' | 'prompts' }
  | { updated: string }
  /** Sends a log message to a session. */
  | { log: string; level?: 'info' | 'error'; session: string };

/** What a server can ask a client: to fill in a form, to ask its model, and, on the GET stream, for its roots. */
export type Question = 'form' | 'model' | 'roots';

/** A line from a node. */
export type Report =
  | { started: string }
  /** A call of `work` is about to be answered. */
  | { finished: string }
  | { cancelled: string }
  | { answered: string; with: string }
  /** The client has said that its roots have changed. */
  | { rootsChanged: true }
  | { ended: string; reason: string };
