/** Whether the server is stopping: one state, checked by everything that can begin something new. */

/** First `serving`; then `draining`, which refuses new calls; then `stopped`, which refuses everything. */
export interface Lifecycle {
  phase: 'serving' | 'draining' | 'stopped';
}

/**
 * How long requests are still answered after the drain, in milliseconds, and on Node.js also after the last one that has come
 * while connections are kept. They get 503 and `Connection: close`, so that proxies give up the connections they use.
 */
export const LAST_ANSWERS_MS = 250;
