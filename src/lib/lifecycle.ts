/** Whether the server is stopping: one state, which everything that could begin something new asks. */

/** `serving`; then `draining`, which turns away what is new; then `stopped`, which turns away everything. */
export interface Lifecycle {
  phase: 'serving' | 'draining' | 'stopped';
}
