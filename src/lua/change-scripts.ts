/** What Redis does for `redis-change-log.ts`. */
import type { Script } from './script.ts';

/*
 * The log is a hash with the number of the last change, that of the last that was forgotten, and that before the first; a
 * hash with the last change of each subject; and a sorted set of subjects by its number.
 *
 * KEYS: these three.
 */

/**
 * ARGV: now, subject, event, most subjects, command to publish with, channel. Numbers begin with the time, so that those of
 * a log that was lost are lower than those of the next.
 */
export const PUBLISH_CHANGE: Script = {
  name: 'mcpPublishChange',
  lua: `
if redis.call('HSETNX', KEYS[1], 'start', ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], 'number', ARGV[1], 'forgotten', ARGV[1])
end
local number = string.format('%d', redis.call('HINCRBY', KEYS[1], 'number', 1))
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('ZADD', KEYS[3], number, ARGV[2])
if redis.call('ZCARD', KEYS[3]) > tonumber(ARGV[4]) then
  local oldest = redis.call('ZPOPMIN', KEYS[3])
  redis.call('HDEL', KEYS[2], oldest[1])
  redis.call('HSET', KEYS[1], 'forgotten', oldest[2])
end
redis.call(ARGV[5], ARGV[6], table.concat({ redis.call('HGET', KEYS[1], 'start'), number, ARGV[3] }, ' '))`,
};

/** ARGV: number. Returns number, forgotten and start, and the numbers and events of what has changed after that number. */
export const CHANGES_SINCE: Script = {
  name: 'mcpChangesSince',
  lua: `
local found = {}
local later = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[1], '+inf', 'WITHSCORES')
for i = 1, #later, 2 do
  found[#found + 1] = later[i + 1]
  found[#found + 1] = redis.call('HGET', KEYS[2], later[i])
end
return { redis.call('HMGET', KEYS[1], 'number', 'forgotten', 'start'), found }`,
};
