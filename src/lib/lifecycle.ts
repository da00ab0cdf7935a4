/** Whether the server is stopping: one state, checked by everything that can begin something new. */

/** First `serving`; then `draining`, which refuses new calls; then `stopped`, which refuses everything. */
export interface Lifecycle {
  phase: 'serving' | 'draining' | 'stopped';
}
