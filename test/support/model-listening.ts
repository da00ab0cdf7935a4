/** The GET stream of a session as its client sees it, against what was appended to it. */
import assert from 'node:assert/strict';
import type { SseEvent } from './app.ts';
import type { Connection } from './connection.ts';
import type { SessionJournal } from './journal.ts';

/** The list that every client hears of. */
export const TOOLS = 'tools_list_changed';

/** What a client knows of its GET stream. */
export class ModelListening {
  /** Whether it resumes from the last event that it has got. Otherwise it begins anew, and may miss what was on its way. */
  readonly isFaithful: boolean;
  connection: Connection | undefined;
  isBusy = false;
  lastEventId: string | undefined;
  /** How often it was told of each subject, and how often it may have been told in excess of what has changed. */
  readonly told = new Map<string, number>();
  excess = 0;
  /** The subjects that it wants to hear of, and those that it ever wanted. */
  readonly wanted = new Set([TOOLS]);
  readonly everWanted = new Set([TOOLS]);
  /** Those whose last request failed, so that nobody knows. */
  readonly unsure = new Set<string>();
  /** How often each subject had changed when it was last told, or when it was subscribed to. */
  readonly upTo = new Map<string, number>();
  readonly texts = new Set<string>();
  readonly #name: string;
  readonly #journal: SessionJournal;
  readonly #changes: ReadonlyMap<string, number>;
  /** Whether it may have missed something before the next event, and whether it may ever have missed a change. */
  #mayMiss = false;
  #mayMissChanges = false;
  /** How many events of the journal it has passed. */
  #passed = 0;

  constructor(name: string, isFaithful: boolean, journal: SessionJournal, changes: ReadonlyMap<string, number>) {
    this.#name = name;
    this.isFaithful = isFaithful;
    this.#journal = journal;
    this.#changes = changes;
  }

  /** To be called when it may have missed something, since there was no event that it could resume from. */
  missSome(): void {
    this.#mayMiss = true;
    this.#mayMissChanges = true;
  }

  hear({ id, message }: SseEvent): void {
    this.lastEventId = id ?? this.lastEventId;
    if (!message) return;
    const isRepeated = id !== undefined && !this.#pass(id, JSON.stringify(message));
    if (isRepeated) return;
    const { uri, data } = (message['params'] ?? {}) as { uri?: string; data?: string };
    if (data !== undefined) return this.#hearText(data);
    const subject = uri === undefined ? TOOLS : `resource_updated ${uri}`;
    assert.ok(this.everWanted.has(subject), `${this.#name} was told of ${subject}`);
    this.told.set(subject, (this.told.get(subject) ?? 0) + 1);
    this.upTo.set(subject, this.#changes.get(subject) ?? 0);
  }

  /** Checks that it has got everything. */
  checkComplete(): void {
    const { told } = this.#journal;
    this.#checkSkipped(told.length);
    for (const subject of this.wanted) {
      if (this.unsure.has(subject) || !this.isFaithful || this.#mayMissChanges) continue;
      const missed = (this.#changes.get(subject) ?? 0) > (this.upTo.get(subject) ?? 0);
      assert.ok(!missed, `${this.#name} was not told that ${subject} has changed`);
    }
  }

  /** Passes an event of the journal; returns `false` if the client has got it before without an id. */
  #pass(id: string, json: string): boolean {
    const { told, doubtful } = this.#journal;
    const index = told.findIndex((event) => event.id === id);
    assert.ok(index >= 0, `${this.#name} got ${json}, which was not appended`);
    const isLate = index < this.#passed;
    assert.ok(!isLate, `${this.#name} got ${json} twice or out of order`);
    this.#checkSkipped(index);
    this.#passed = index + 1;
    const { data } = (JSON.parse(told[index]?.data ?? '{}') as { params?: { data?: string } }).params ?? {};
    return !(doubtful.has(id) && data !== undefined && this.texts.has(data));
  }

  #checkSkipped(end: number): void {
    const skipped = this.#journal.told.slice(this.#passed, end).filter(({ isForgotten }) => !isForgotten);
    if (this.isFaithful && !this.#mayMiss) {
      assert.deepEqual(
        skipped.map(({ data }) => data),
        [],
        `${this.#name} missed this`,
      );
    }
    // What it may have missed, it has missed before this event, and not before a later one.
    this.#passed = end;
    this.#mayMiss = false;
  }

  #hearText(text: string): void {
    assert.ok(text.startsWith(`${this.#name}.`), `${this.#name} got ${text}, which is not its own`);
    assert.ok(!this.texts.has(text), `${this.#name} got ${text} twice`);
    this.texts.add(text);
  }
}
