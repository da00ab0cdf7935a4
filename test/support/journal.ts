/** What has happened in the engines that nodes share: what clients see is checked against it. */
import assert from 'node:assert/strict';
import type { ServerEvent } from '@modelcontextprotocol/server';
import { subjectOf } from '../../src/context/subscriptions.ts';
import { GET_STREAM_ID } from '../../src/streams/stream-log.ts';
import type { Machine } from './schedule.ts';

/** An event of the GET stream. */
export interface Told {
  id: string;
  data: string;
  /** Whether the log of the session was forgotten since, so that the event may never reach the client. */
  isForgotten: boolean;
}

/** What has happened in one session. */
export interface SessionJournal {
  /** What was appended to the GET stream, in that order. */
  told: Told[];
  /** The ids of events in the log although `append` was rejected: they may also have been sent, without an id. */
  doubtful: Set<string>;
  /** The nodes that could not append an event, until they have made the log forget the events before it. */
  gaps: Set<Machine>;
  /** The ids of all events. */
  ids: string[];
  /** Whether a node that joined the session did not hear what another one said about it. */
  isUnheard: boolean;
  /** Whether the log was forgotten, because of a gap. */
  isForgotten: boolean;
  /** Whether the client has asked for its end. */
  isEnding: boolean;
}

/** Notes what happens. */
export class Journal {
  readonly #sessions = new Map<string, SessionJournal>();
  /** How often each subject has changed. */
  readonly changes = new Map<string, number>();

  of(sessionId: string): SessionJournal {
    const known = this.#sessions.get(sessionId);
    if (known) return known;
    const journal: SessionJournal = {
      told: [],
      doubtful: new Set(),
      gaps: new Set(),
      ids: [],
      isUnheard: false,
      isForgotten: false,
      isEnding: false,
    };
    this.#sessions.set(sessionId, journal);
    return journal;
  }

  appended(sessionId: string, streamId: string, id: string | undefined, data: string | undefined): void {
    if (id === undefined) return;
    const { ids, told } = this.of(sessionId);
    ids.push(id);
    if (streamId === GET_STREAM_ID && data !== undefined) told.push({ id, data, isForgotten: false });
  }

  /** An event could not be appended, as far as its node knows. */
  failed(machine: Machine, sessionId: string, id: string | undefined): void {
    const { gaps, doubtful } = this.of(sessionId);
    gaps.add(machine);
    if (id !== undefined) doubtful.add(id);
  }

  /** A node wants the log of a session to be forgotten, for which there must be a reason. */
  forgetting(machine: Machine, sessionId: string): void {
    const { gaps, isEnding } = this.of(sessionId);
    assert.ok(gaps.has(machine) || isEnding, 'a log without a gap is not forgotten');
  }

  forgotten(sessionId: string): void {
    const session = this.of(sessionId);
    session.isForgotten = true;
    for (const event of session.told) event.isForgotten = true;
  }

  mended(machine: Machine, sessionId: string): void {
    this.of(sessionId).gaps.delete(machine);
  }

  unheard(sessionId: string): void {
    this.of(sessionId).isUnheard = true;
  }

  published(event: ServerEvent): void {
    const subject = subjectOf(event);
    this.changes.set(subject, (this.changes.get(subject) ?? 0) + 1);
  }
}
