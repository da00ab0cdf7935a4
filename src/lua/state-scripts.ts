/** What Redis does for `redis-state-store.ts`. */
import type { Script } from './script.ts';

/*
 * A scope is a hash. A value is under its key with a `v` before it, and begins with the time at which it expires, in 15
 * digits, zero for never: hashes of Redis 6.2 cannot expire in parts. `bytes` counts all keys and values. A sorted set has
 * the keys that expire.
 *
 * KEYS: hash, sorted set. ARGV: now, key, and then what each script says.
 */
const STATE = `
local state, expiry, now, key = KEYS[1], KEYS[2], ARGV[1], ARGV[2]

local function sizeOf(name)
  return redis.call('HEXISTS', state, 'v' .. name) == 1 and #name + redis.call('HSTRLEN', state, 'v' .. name) - 15 or 0
end

local function remove(name)
  local size = sizeOf(name)
  redis.call('ZREM', expiry, name)
  if redis.call('HDEL', state, 'v' .. name) == 0 then return 0 end
  redis.call('HINCRBY', state, 'bytes', -size)
  if redis.call('HLEN', state) == 1 then redis.call('UNLINK', state) end
  return 1
end

for _, name in ipairs(redis.call('ZRANGEBYSCORE', expiry, '-inf', now)) do remove(name) end
`;

/**
 * More ARGV: value, when it expires, `any`, `none` or `value`, the expected value, most keys, most bytes, and how long Redis
 * keeps the scope, or nothing to keep it until its last value has expired.
 */
export const WRITE_STATE: Script = {
  name: 'mcpWriteState',
  lua: `${STATE}
local value, expires, expected = ARGV[3], ARGV[4], ARGV[5]
local before = redis.call('HGET', state, 'v' .. key)
if expected == 'none' and before then return 'unexpected' end
if expected == 'value' and (not before or string.sub(before, 16) ~= ARGV[6]) then return 'unexpected' end
-- One field is the count of bytes.
if not before and redis.call('HLEN', state) - 1 >= tonumber(ARGV[7]) then return 'tooManyKeys' end
local growth = #key + #value - sizeOf(key)
if (redis.call('HGET', state, 'bytes') or 0) + growth > tonumber(ARGV[8]) then return 'tooManyBytes' end
redis.call('HSET', state, 'v' .. key, expires .. value)
redis.call('HINCRBY', state, 'bytes', growth)
if tonumber(expires) > 0 then redis.call('ZADD', expiry, expires, key) else redis.call('ZREM', expiry, key) end
local ttl = ARGV[9]
if ttl == '' then
  local last = redis.call('ZRANGE', expiry, -1, -1, 'WITHSCORES')[2]
  local isLasting = redis.call('ZCARD', expiry) < redis.call('HLEN', state) - 1
  ttl = not isLasting and string.format('%d', last - now + 86400000) or ''
end
for _, name in ipairs(KEYS) do
  if ttl == '' then redis.call('PERSIST', name) else redis.call('PEXPIRE', name, ttl) end
end
return 'kept'`,
};

/** Returns how many values were removed. */
export const DELETE_STATE: Script = {
  name: 'mcpDeleteState',
  lua: `${STATE}
return remove(key)`,
};

/** Returns the keys. */
export const STATE_KEYS: Script = {
  name: 'mcpStateKeys',
  lua: `${STATE}
local names = {}
for _, field in ipairs(redis.call('HKEYS', state)) do
  if string.sub(field, 1, 1) == 'v' then names[#names + 1] = string.sub(field, 2) end
end
return names`,
};
