/** A call as its client sees it, against what its tool has said. */
import assert from 'node:assert/strict';
import type { SseEvent } from './app.ts';
import type { Connection } from './connection.ts';
import type { SessionJournal } from './journal.ts';
import type { Machine } from './schedule.ts';
import { said } from './speaker.ts';

/** What a client knows of a call. */
export class ModelCall {
  readonly id: string;
  /** What its tool has said on its stream, in that order: each text once, and `?` with a number for a question. */
  readonly spoken: string[] = [];
  /** What its tool has returned. */
  result: string | undefined;
  /** The node that runs it. */
  machine: Machine | undefined;
  /** Whether that node was stopped, or taken for dead, so that the call may get an error. */
  isDoomed = false;
  /** How the call is over for the client. */
  outcome: 'answered' | 'failed' | 'refused' | 'lost' | undefined;
  /** Whether a request about it is on its way. */
  isBusy = false;
  connection: Connection | undefined;
  lastEventId: string | undefined;
  /** Questions that the client has yet to answer, by their ids. */
  readonly questions = new Set<string>();
  /** Whether everything that it has got is in the log. */
  isLogged = true;
  /** What it has got, with ids. */
  readonly events: { id: string; text: string }[] = [];
  readonly #journal: SessionJournal;
  #heard = 0;

  constructor(id: string, journal: SessionJournal) {
    this.id = id;
    this.#journal = journal;
  }

  /** Takes note of an event of its stream. */
  hear(event: SseEvent): void {
    const { id, message } = event;
    this.lastEventId = id ?? this.lastEventId;
    if (!message) return;
    const text = textOf(event);
    if (id === undefined) this.isLogged = false;
    else this.events.push({ id, text });
    assert.equal(this.outcome, undefined, `${this.id} got ${text} after its answer`);
    if ('method' in message && 'id' in message) this.questions.add(String(message['id']));
    if ('result' in message || 'error' in message) return this.answered(message, text);
    const index = this.spoken.indexOf(text);
    assert.ok(index >= 0, `${this.id} got ${text}, which is not its own`);
    // It was sent without an id when it could not be logged; and then from the log, which has it nevertheless.
    if (index < this.#heard && id !== undefined && this.#journal.doubtful.has(id)) return;
    assert.equal(this.spoken[this.#heard], text, `${this.id} got ${text} out of order`);
    this.#heard += 1;
  }

  /** Takes note of its answer. */
  answered(message: Record<string, unknown>, text: string): void {
    assert.equal(message['id'], this.id);
    if ('error' in message) {
      assert.ok(this.isDoomed || this.#journal.isEnding, `${this.id} got ${text}: ${JSON.stringify(message)}`);
      this.outcome = 'failed';
      return;
    }
    assert.equal(text, `= ${this.result}`);
    // As JSON, there is nothing but the answer.
    if (this.connection) assert.equal(this.#heard, this.spoken.length, `${this.id} got its answer too early`);
    this.outcome = 'answered';
  }
}

/** What an event of a call says. */
export function textOf(event: SseEvent): string {
  const { message: question } = (event.message?.['params'] ?? {}) as { message?: string };
  return question ?? said(event)[0] ?? '';
}
