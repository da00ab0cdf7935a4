/** Who follows the event log of which session, for engines whose nodes are all in this process. */

/** Is called with the id of a stream that has news. */
export type Follower = (streamId: string) => void;

/** Followers by session. */
export class Followers {
  readonly #followers = new Map<string, Set<Follower>>();

  /** Calls `listener` until the returned function is called. The same one may be added twice. */
  add(sessionId: string, listener: Follower): () => void {
    const followers = this.#followers.get(sessionId) ?? new Set();
    this.#followers.set(sessionId, followers);
    const follower: Follower = (streamId) => listener(streamId);
    followers.add(follower);
    return () => {
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(sessionId) === followers) this.#followers.delete(sessionId);
    };
  }

  /** A stream of a session has news. */
  wake(sessionId: string, streamId: string): void {
    for (const follower of this.#followers.get(sessionId) ?? []) follower(streamId);
  }
}
