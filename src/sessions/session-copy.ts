/**
 * What the client has told a session, in the record and in its server: a server that is built later, or that runs on
 * another node, is told the same.
 *
 * A change is saved before the client hears that it worked. Each change raises the version of the record; a copy with an
 * older version is brought up to date before it answers.
 */
import type { JSONRPCMessage, JSONRPCRequest, LoggingLevel } from '@modelcontextprotocol/server';
import type { Caller } from '../auth/caller.ts';
import { areFewEnough } from '../context/subscriptions.ts';
import type { SessionChanges, SessionRecord } from '../contracts/session-store.ts';
import { createTaskQueue } from '../lib/task-queue.ts';
import type { Accepted } from '../protocol/accept.ts';
import { tooManySubscriptionsResponse } from '../protocol/errors.ts';
import { describeIncoming, type Incoming } from '../protocol/incoming.ts';
import { errorOf } from '../transport/call.ts';
import type { HttpTransport } from '../transport/http-transport.ts';

/** When something is repeated, nobody reads a stream. */
const JSON_ONLY: Accepted = { json: true, eventStream: false };

/** Options for {@link SessionCopy}. */
export interface SessionCopyOptions {
  /** The caller whose request activates the session. */
  caller: Caller;
  /** Saves changes in the record. Resolves to its new version, or to `undefined` if the record is gone. */
  save: (changes: SessionChanges) => Promise<number | undefined>;
  /** Tells other nodes that have the session in memory that its record has changed. */
  announce: () => void;
  /** Called with a URI that the client has subscribed to, or is not subscribed to any more; and whether it said so on another node, or before. */
  onsubscription: (uri: string, isWanted: boolean, isRepeated: boolean) => void;
  /** Receives the errors of the store. */
  onerror: (error: Error) => void;
}

/** What one live session knows of its record. */
export class SessionCopy {
  readonly #options: SessionCopyOptions;
  readonly #transport: () => HttpTransport;
  readonly #inOrder = createTaskQueue();
  readonly #subscriptions = new Set<string>();
  #isInitialized = false;
  #logLevel: LoggingLevel | undefined;
  /** Of the record that it is a copy of. */
  #version = 1;

  /** @param transport - Returns the transport that repeats messages to the server. */
  constructor(options: SessionCopyOptions, transport: () => HttpTransport) {
    this.#options = options;
    this.#transport = transport;
  }

  /** Whether it is older than a version of the record. */
  isOlderThan(version: number): boolean {
    return this.#version < version;
  }

  /** Tells a new server what the client has told the session before. */
  async restore(record: SessionRecord): Promise<void> {
    const params = JSON.parse(record.initialize) as Record<string, unknown>;
    await this.#inOrder(() =>
      this.#whileRestoring(async () => {
        await this.#repeatRequest('initialize', params);
        await this.#apply(record);
      }),
    );
  }

  /** Tells its server what has changed since, on other nodes. */
  async update(record: SessionRecord): Promise<void> {
    await this.#inOrder(async () => {
      if (this.isOlderThan(record.version)) await this.#whileRestoring(() => this.#apply(record));
    });
  }

  /** Saves that the client is initialized; resolves to `false` if the record is gone. */
  async initialized(): Promise<boolean> {
    this.#isInitialized = true;
    return (await this.save({ initialized: true })) !== undefined;
  }

  /** Saves changes; resolves to the new version, or to `undefined` if the record is gone. Rejects if the store is unavailable. */
  async save(changes: SessionChanges): Promise<number | undefined> {
    const version = await this.#options.save(changes);
    // Otherwise, another node has changed something, too: the next request brings it here.
    if (version === this.#version + 1) this.#version = version;
    return version;
  }

  /**
   * Returns what saves the change that a request makes to the session, if it makes one; resolves to `false` if it failed.
   *
   * @param isRepeated - Whether the change is in the record already.
   */
  savingOf({ method, params }: JSONRPCRequest, isRepeated: boolean): (() => Promise<boolean>) | undefined {
    switch (method) {
      case 'logging/setLevel': {
        const logLevel = params?.['level'] as LoggingLevel;
        return () => this.#change(isRepeated ? undefined : { logLevel }, () => (this.#logLevel = logLevel));
      }
      case 'resources/subscribe':
      case 'resources/unsubscribe': {
        const uri = params?.['uri'] as string;
        const isWanted = method === 'resources/subscribe';
        const changes = isWanted ? { subscribe: uri } : { unsubscribe: uri };
        return () =>
          this.#change(isRepeated ? undefined : changes, () => this.#setSubscription(uri, isWanted, isRepeated));
      }
      default:
        return undefined;
    }
  }

  /** Refuses a POST with more subscriptions than a record keeps. */
  refuseSubscriptions({ requests }: Incoming): Response | undefined {
    const subscribing = requests.filter(({ method }) => method === 'resources/subscribe');
    if (subscribing.length === 0) return undefined;
    const wanted = new Set(this.#subscriptions);
    for (const { id, params } of subscribing) {
      const uri = params?.['uri'];
      if (typeof uri !== 'string') continue;
      wanted.add(uri);
      if (!areFewEnough(wanted)) return tooManySubscriptionsResponse(id);
    }
    return undefined;
  }

  async #whileRestoring(work: () => Promise<void>): Promise<void> {
    const transport = this.#transport();
    transport.isRestoring = true;
    try {
      await work();
    } finally {
      transport.isRestoring = false;
    }
  }

  async #apply({ version, initialized, logLevel, subscriptions }: SessionRecord): Promise<void> {
    if (initialized && !this.#isInitialized) {
      this.#isInitialized = true;
      await this.#repeat({ jsonrpc: '2.0', method: 'notifications/initialized' });
    }
    if (logLevel && logLevel !== this.#logLevel) await this.#repeatRequest('logging/setLevel', { level: logLevel });
    const wanted = new Set(subscriptions);
    for (const uri of wanted) {
      if (!this.#subscriptions.has(uri)) await this.#repeatRequest('resources/subscribe', { uri });
    }
    for (const uri of this.#subscriptions) {
      if (!wanted.has(uri)) await this.#repeatRequest('resources/unsubscribe', { uri });
    }
    this.#version = Math.max(this.#version, version);
  }

  /** Its id is one that no client can know, since a call of the client may be running. */
  #repeatRequest(method: string, params: Record<string, unknown>): Promise<void> {
    return this.#repeat({ jsonrpc: '2.0', id: crypto.randomUUID(), method, params });
  }

  /** Sends the server a message and waits for its answer. */
  async #repeat(message: JSONRPCMessage & { method: string }): Promise<void> {
    const incoming = describeIncoming(message);
    const response = await this.#transport().answer({ incoming, accepted: JSON_ONLY, caller: this.#options.caller });
    if (!response?.ok) throw new Error(`The session could not be restored: ${message.method} got ${response?.status}`);
  }

  /** Resolves to whether the changes, if any, are saved, and thereby made. */
  async #change(changes: SessionChanges | undefined, make: () => void): Promise<boolean> {
    try {
      if (changes && (await this.save(changes)) === undefined) return false;
    } catch (error) {
      this.#options.onerror(errorOf(error));
      return false;
    }
    make();
    if (changes) this.#options.announce();
    return true;
  }

  #setSubscription(uri: string, isWanted: boolean, isRepeated: boolean): void {
    this.#subscriptions[isWanted ? 'add' : 'delete'](uri);
    this.#options.onsubscription(uri, isWanted, isRepeated);
  }
}
