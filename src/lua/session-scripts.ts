/** What Redis does for `redis-session-store.ts`. */
import { REMOVE_LOG, type Script } from './script.ts';

/*
 * A record is text in lines, so that scripts need not parse JSON, which would not come out as it went in: numbers and a
 * level; the principal; a line for each subscription; an empty line; the parameters of `initialize`. The principal and the
 * subscriptions are JSON strings, so that they are neither empty nor have line feeds.
 */

/** KEYS: record, index. ARGV: id, record, now, backstop. */
export const CREATE_SESSION: Script = {
  name: 'mcpCreateSession',
  lua: `
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[4])`,
};

/** KEYS: record, index. ARGV: id, deadline. Returns the record unless it has expired. */
export const GET_SESSION: Script = {
  name: 'mcpGetSession',
  lua: `
local used = redis.call('ZSCORE', KEYS[2], ARGV[1])
return used and tonumber(used) > tonumber(ARGV[2]) and redis.call('GET', KEYS[1])`,
};

/**
 * KEYS: record, index. ARGV: id, now, idle time, backstop, principal. Returns the record, and moves it in the index, unless
 * it has expired or is another principal's; an empty principal stands for any.
 */
export const USE_SESSION: Script = {
  name: 'mcpUseSession',
  lua: `
local id, now = ARGV[1], ARGV[2]
local used = redis.call('ZSCORE', KEYS[2], id)
local record = used and used + ARGV[3] > tonumber(now) and redis.call('GET', KEYS[1])
if not record then return false end
if ARGV[5] ~= '' and string.match(record, '\\n([^\\n]*)') ~= ARGV[5] then return false end
-- The expiry in Redis's own time is renewed with the first use in each quarter of it.
local quarter = ARGV[4] / 4
if math.floor(used / quarter) ~= math.floor(now / quarter) then
  local scope = string.sub(KEYS[2], 1, -5) .. '%s:session:' .. id
  local keys = { KEYS[1], KEYS[2], string.format(scope, 'state'), string.format(scope, 'expiry') }
  for _, key in ipairs(keys) do redis.call('PEXPIRE', key, ARGV[4]) end
end
local moved = redis.pcall('ZADD', KEYS[2], now, id)
if type(moved) == 'table' and moved.err then
  -- A full Redis refuses ZADD, though this one needs no memory, unless the script has changed something before.
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  redis.call('ZADD', KEYS[2], now, id)
end
return record`,
};

/**
 * KEYS: record, index. ARGV: id, deadline, and what changes, each empty if it does not: initialized, level, number of the
 * last change, subscription to add, subscription to remove. Returns the new version.
 */
export const UPDATE_SESSION: Script = {
  name: 'mcpUpdateSession',
  lua: `
local used = redis.call('ZSCORE', KEYS[2], ARGV[1])
local record = used and tonumber(used) > tonumber(ARGV[2]) and redis.call('GET', KEYS[1])
if not record then return false end
local rest = string.find(record, '\\n\\n', 1, true)
local lines = {}
for line in string.gmatch(string.sub(record, 1, rest - 1), '[^\\n]+') do lines[#lines + 1] = line end
local version, created, initialized, level, told = string.match(lines[1], '(%S+) (%S+) (%S+) (%S+) (%S+)')
version = string.format('%d', version + 1)
if ARGV[3] ~= '' then initialized = ARGV[3] end
if ARGV[4] ~= '' then level = ARGV[4] end
if ARGV[5] ~= '' then told = ARGV[5] end
local kept = { table.concat({ version, created, initialized, level, told }, ' '), lines[2] }
for i = 3, #lines do
  if lines[i] ~= ARGV[6] and lines[i] ~= ARGV[7] then kept[#kept + 1] = lines[i] end
end
if ARGV[6] ~= '' then kept[#kept + 1] = ARGV[6] end
redis.call('SET', KEYS[1], table.concat(kept, '\\n') .. string.sub(record, rest), 'KEEPTTL')
return tonumber(version)`,
};

/**
 * KEYS: index. ARGV: beginning of the names of its sessions' keys, highest time of last use, lowest one, ids. Removes those
 * whose time is between, and returns the id and the principal of each.
 */
export const REMOVE_SESSIONS: Script = {
  name: 'mcpRemoveSessions',
  lua: `${REMOVE_LOG}
local removed = {}
for i = 4, #ARGV do
  local used = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or 'nan')
  if used <= tonumber(ARGV[2]) and used > tonumber(ARGV[3]) then
    local record = redis.call('GET', ARGV[1] .. 'session:' .. ARGV[i]) or ''
    removed[#removed + 1] = ARGV[i]
    removed[#removed + 1] = string.match(record, '\\n([^\\n]*)') or '""'
    local scope = 'session:' .. ARGV[i]
    removeLog(ARGV[1] .. 'log:' .. ARGV[i], ARGV[1] .. 'ended:' .. ARGV[i], ARGV[1] .. 'stream:' .. ARGV[i] .. ':')
    redis.call('UNLINK', ARGV[1] .. scope, ARGV[1] .. 'state:' .. scope, ARGV[1] .. 'expiry:' .. scope)
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return removed`,
};

/**
 * Lua: the indexes to look at. A single Redis has them all: no keys are declared, and the last of ARGV is the pattern of their
 * names. On a cluster, one is declared.
 */
const INDEXES = `
local indexes = KEYS
for bucket = 0, #KEYS == 0 and 255 or -1 do indexes[bucket + 1] = string.format(ARGV[#ARGV], bucket) end
`;

/** KEYS: an index, or nothing for all. ARGV: deadline, pattern. Returns how many sessions have not expired, and when the first of them was last used. */
export const COUNT_SESSIONS: Script = {
  name: 'mcpCountSessions',
  lua: `${INDEXES}
local count, oldest = 0, false
for _, key in ipairs(indexes) do
  count = count + redis.call('ZCOUNT', key, '(' .. ARGV[1], '+inf')
  local first = redis.call('ZRANGEBYSCORE', key, '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if first and (not oldest or tonumber(first) < tonumber(oldest)) then oldest = first end
end
return { count, oldest }`,
};

/** KEYS: an index, or nothing for all. ARGV: range of times, how many, pattern. Returns ids and times, the least recently used first. */
export const OLDEST_SESSIONS: Script = {
  name: 'mcpOldestSessions',
  lua: `${INDEXES}
local lowest, highest, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local page = math.ceil(limit / #indexes)
-- The next session of each index, the least recently used last.
local heads = {}

local function add(key, offset, entries, place)
  if place > #entries then
    if #entries < 2 * page then return end
    entries, place = redis.call('ZRANGEBYSCORE', key, lowest, highest, 'WITHSCORES', 'LIMIT', offset, page), 1
    if #entries == 0 then return end
  end
  local head = { key = key, offset = offset + 1, entries = entries, place = place, time = tonumber(entries[place + 1]) }
  local from, to = 1, #heads + 1
  while from < to do
    local middle = math.floor((from + to) / 2)
    if heads[middle].time > head.time then from = middle + 1 else to = middle end
  end
  table.insert(heads, from, head)
end

for _, key in ipairs(indexes) do
  local entries = redis.call('ZRANGEBYSCORE', key, lowest, highest, 'WITHSCORES', 'LIMIT', 0, page)
  add(key, 0, entries, 1)
end
local found = {}
while #heads > 0 and #found < 2 * limit do
  local head = table.remove(heads)
  found[#found + 1] = head.entries[head.place]
  found[#found + 1] = head.entries[head.place + 1]
  add(head.key, head.offset, head.entries, head.place + 2)
end
return found`,
};
