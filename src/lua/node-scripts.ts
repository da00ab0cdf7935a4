/** What Redis does for `redis-relay.ts`. */
import type { Script } from './script.ts';

/** KEYS: node. ARGV: milliseconds. A full Redis refuses `SET`, but a node that is running may go on. */
export const RENEW_NODE: Script = {
  name: 'mcpRenewNode',
  lua: `
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 0 then redis.call('SET', KEYS[1], '', 'PX', ARGV[1]) end`,
};
