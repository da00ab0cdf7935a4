/** What Redis does for `redis-relay.ts` and `redis-engines.ts`. */
import type { Script } from './script.ts';

/**
 * KEYS: node. ARGV: milliseconds. Returns 1 if the key was not there. A full Redis refuses `SET`, but a node that is running
 * may go on.
 */
export const RENEW_NODE: Script = {
  name: 'mcpRenewNode',
  lua: `
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
return 1`,
};

/** KEYS: count. ARGV: how many more, milliseconds of the window. Returns the count, and the milliseconds that are left. */
export const COUNT_RATE: Script = {
  name: 'mcpCountRate',
  lua: `
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return { count, left }`,
};
