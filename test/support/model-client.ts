/** A client of several nodes, and what it must see. */
import assert from 'node:assert/strict';
import { messagesIn, rpc, sessionOf, type LegacySession } from './app.ts';
import { Connection } from './connection.ts';
import type { FuzzNode, FuzzWorld } from './fuzz-world.ts';
import type { SessionJournal } from './journal.ts';
import { ModelCall } from './model-call.ts';
import { ModelListening } from './model-listening.ts';
import type { Machine } from './schedule.ts';
import { said } from './speaker.ts';

/** A client with one session. */
export class ModelClient {
  readonly name: string;
  readonly sessionId: string;
  readonly world: FuzzWorld;
  readonly journal: SessionJournal;
  readonly listening: ModelListening;
  readonly calls: ModelCall[] = [];
  /** The log level that it has set; `undefined` for none, and `null` if nobody knows. */
  level: string | null | undefined;
  /** Whether it knows that its session has ended. */
  hasEnded = false;
  isBusy = false;
  /** Connections that it has lost, and the server has not noticed. */
  readonly halfOpen: Connection[] = [];
  #texts = 0;

  constructor(name: string, sessionId: string, world: FuzzWorld) {
    this.name = name;
    this.sessionId = sessionId;
    this.world = world;
    this.journal = world.journal.of(sessionId);
    const isFaithful = world.random.next() < 0.75;
    this.listening = new ModelListening(name, isFaithful, this.journal, world.journal.changes);
  }

  /** A text that only this client may get. */
  text(): string {
    this.#texts += 1;
    return `${this.name}.${this.#texts}`;
  }

  async call(node: FuzzNode): Promise<void> {
    const call = new ModelCall(this.text(), this.journal);
    this.calls.push(call);
    this.world.calls.set(call.id, call);
    call.isBusy = true;
    const body = rpc('tools/call', { name: 'speak', arguments: { token: call.id } }, call.id);
    const response = await this.#request(node, (session) => session.post(body));
    call.isBusy = false;
    if (response?.status !== 200) call.outcome = 'lost';
    else if (response.headers.get('content-type') === 'text/event-stream') {
      call.connection = new Connection(response, node.machine);
    } else this.#answered(call, await response.text());
  }

  /** Resumes the stream of a call. */
  async resume(call: ModelCall, node: FuzzNode): Promise<void> {
    if (call.isBusy || call.connection || call.outcome) return;
    const { lastEventId } = call;
    if (lastEventId === undefined) return void (call.outcome = 'lost');
    call.isBusy = true;
    const hadGap = this.journal.gaps.has(node.machine);
    const response = await this.#request(node, (session) => session.get(lastEventId));
    call.isBusy = false;
    if (response?.status === 400) {
      await this.#checkRefusal(node, lastEventId, hadGap);
      call.outcome = 'refused';
    }
    if (response?.status === 200) call.connection = new Connection(response, node.machine);
  }

  async listen(node: FuzzNode): Promise<void> {
    const { listening } = this;
    if (listening.isBusy || listening.connection) return;
    listening.isBusy = true;
    const lastEventId = listening.isFaithful ? listening.lastEventId : undefined;
    const hadGap = this.journal.gaps.has(node.machine);
    const response = await this.#request(node, (session) => session.get(lastEventId));
    listening.isBusy = false;
    if (response?.status === 200) {
      listening.connection = new Connection(response, node.machine);
      // The first event has come along with the headers.
      await listening.connection.begun;
      if (lastEventId === undefined) this.#hearListening(1);
      if (listening.connection && lastEventId !== undefined) listening.connection.hasId = true;
    } else if (lastEventId === undefined) listening.missSome();
    if (response?.status !== 400) return;
    assert.ok(lastEventId !== undefined);
    await this.#checkRefusal(node, lastEventId, hadGap);
    listening.lastEventId = undefined;
    listening.excess += 1;
  }

  /** Answers a question. */
  async answer(call: ModelCall, id: string, node: FuzzNode): Promise<void> {
    const body = { jsonrpc: '2.0', id, result: { action: 'accept', content: {} } };
    call.questions.delete(id);
    const response = await this.#request(node, (session) => session.post(body));
    if (response?.status === 202) return;
    // Perhaps it has arrived: answering again does no harm.
    if (!call.outcome) call.questions.add(id);
  }

  async setLevel(level: string, node: FuzzNode): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    this.level = (await this.#succeeds('logging/setLevel', { level }, node)) ? level : null;
    this.isBusy = false;
  }

  /** Subscribes to a resource, or unsubscribes. */
  async subscribe(uri: string, node: FuzzNode): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    const subject = `resource_updated ${uri}`;
    const { wanted, everWanted, unsure, upTo } = this.listening;
    const isWanted = !wanted.has(subject);
    everWanted.add(subject);
    unsure.add(subject);
    const isDone = await this.#succeeds(`resources/${isWanted ? 'subscribe' : 'unsubscribe'}`, { uri }, node);
    upTo.set(subject, this.world.journal.changes.get(subject) ?? 0);
    wanted[isWanted ? 'add' : 'delete'](subject);
    if (isDone) unsure.delete(subject);
    this.isBusy = false;
  }

  async delete(node: FuzzNode): Promise<void> {
    this.journal.isEnding = true;
    const response = await this.#request(node, (session) => session.delete());
    if (response?.status === 204) this.hasEnded = true;
  }

  /** Takes note of what has come. */
  hear(): void {
    this.#hearListening();
    for (const call of this.calls) this.#hearCall(call);
  }

  /** Loses connections, and some of the events that are on their way on them. */
  breakOff(isLost: (connection: Connection) => boolean): void {
    for (const stream of [this.listening, ...this.calls]) {
      const { connection } = stream;
      if (!connection || !isLost(connection)) continue;
      const count = this.world.random.int(0, 2);
      if (stream instanceof ModelCall) this.#hearCall(stream, count);
      else this.#hearListening(count);
      if (stream instanceof ModelListening && !connection.hasId) stream.missSome();
      stream.connection = undefined;
      if (this.world.random.next() < 0.5) this.halfOpen.push(connection);
      else void connection.close();
    }
  }

  /** The server notices what it has lost. */
  notice(): void {
    for (const connection of this.halfOpen.splice(0)) void connection.close();
  }

  #hearListening(count?: number): void {
    const { listening } = this;
    const { connection } = listening;
    for (const event of connection?.take(count) ?? []) listening.hear(event);
    if (!connection?.isOver) return;
    if (!connection.hasId) listening.missSome();
    listening.connection = undefined;
  }

  #hearCall(call: ModelCall, count?: number): void {
    const { connection } = call;
    for (const event of connection?.take(count) ?? []) call.hear(event);
    if (connection?.isOver) call.connection = undefined;
  }

  #answered(call: ModelCall, text: string): void {
    const [message = {}] = messagesIn(text);
    call.answered(message, said({ id: undefined, retry: undefined, message })[0] ?? '');
  }

  /** A log refuses to go on after an event only if it has forgotten it, or if events after it are missing. */
  async #checkRefusal({ machine }: FuzzNode, eventId: string, hadGap: boolean): Promise<void> {
    const { eventLog } = this.world.shared;
    const isKnown = (await eventLog.after(this.sessionId, eventId)) !== undefined;
    const hasGap = hadGap || this.journal.gaps.has(machine);
    assert.ok(!isKnown || hasGap, `${this.name} was refused to resume ${eventId}, which ${machine.name} could tell`);
  }

  async #succeeds(method: string, params: Record<string, unknown>, node: FuzzNode): Promise<boolean> {
    const response = await this.#request(node, (session) => session.post(rpc(method, params)));
    if (response?.status !== 200) return false;
    const text = await Promise.race([response.text(), node.died]);
    return messagesIn(text ?? '').some((message) => 'result' in message);
  }

  /** Sends a request; resolves to `undefined` if the node dies before its response has arrived. */
  async #request(node: FuzzNode, send: (session: LegacySession) => Promise<Response>): Promise<Response | undefined> {
    const { schedule } = this.world;
    const { machine, died, app } = node;
    await Promise.race([schedule.turnOf(machine), died]);
    if (isDead(machine)) return undefined;
    const response = await Promise.race([send(sessionOf(app, this.sessionId)), died]);
    await Promise.race([schedule.turnOf(machine), died]);
    if (isDead(machine)) return undefined;
    if (response?.status === 404) {
      assert.ok(this.journal.isEnding, `${this.name} was answered 404: ${await response.text()}`);
      this.hasEnded = true;
    }
    return response;
  }
}

function isDead({ state }: Machine): boolean {
  return state === 'dead';
}
