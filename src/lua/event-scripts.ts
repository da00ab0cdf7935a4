/** What Redis does for `redis-event-log.ts`. */
import { REMOVE_LOG, type Script } from './script.ts';

/*
 * An event log is a hash with a tag, the number of the last event, the bytes of all, the time of the last use, and for each
 * stream, packed: count and bytes of its events; the number of the last that was lost; up to where there are none that may
 * be lost; when it ended; its holder (false for nobody), and what that has taken; the last change that was told; the node
 * that answers its calls, and those that are unanswered, as JSON.
 *
 * KEYS: log, list of ended streams, stream. ARGV: beginning of the names of streams, now, age at which something is
 * forgotten, most bytes of a session, command to publish with, channel, stream, and then what each script says.
 */
const LOG = `${REMOVE_LOG}
local log, ended, streams = KEYS[1], KEYS[2], ARGV[1]
local now, maxAge, maxSessionBytes, streamId = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[7]
local OVERHEAD = 512
local ttl = string.format('%d', 2 * maxAge)

local function load(id)
  local packed = redis.call('HGET', log, ':' .. id)
  return packed and cmsgpack.unpack(packed) or nil
end

local function set(field, value)
  local done = redis.pcall('HSET', log, field, value)
  if type(done) == 'table' and done.err then
    -- A full Redis refuses this, unless the script has changed something before. What is here already may go on.
    redis.call('PEXPIRE', log, ttl)
    redis.call('HSET', log, field, value)
  end
end

local function save(stream) set(':' .. streamId, cmsgpack.pack(stream)) end

local function remove(id)
  local stream = load(id)
  if not stream then return end
  redis.call('UNLINK', streams .. id)
  redis.call('HDEL', log, ':' .. id)
  redis.call('HINCRBY', log, 'bytes', -stream.bytes)
end

-- Keeps the session from being forgotten. All its keys expire at once, in Redis's own time, or the log first.
local function use()
  set('used', ARGV[2])
  if redis.call('PTTL', log) > 1.5 * maxAge then return end
  for _, field in ipairs(redis.call('HKEYS', log)) do
    if string.sub(field, 1, 1) == ':' then redis.call('PEXPIRE', streams .. string.sub(field, 2), ttl) end
  end
  redis.call('PEXPIRE', ended, ttl)
  redis.call('PEXPIRE', log, ttl)
end

-- Makes the log if there is none, and the stream.
local function open(newTag)
  if redis.call('HSETNX', log, 'tag', newTag) == 1 then redis.call('HSET', log, 'number', 0, 'bytes', 0) end
  local stream = load(streamId)
  if stream then return stream end
  redis.call('HINCRBY', log, 'bytes', OVERHEAD)
  return { count = 0, bytes = OVERHEAD, lost = 0, scanned = '0-0', taken = 0, told = 0 }
end

-- Loses the oldest events that may be lost, until the stream keeps these bounds or has no more of them.
local function lose(stream, maxEvents, maxBytes)
  local before = stream.bytes
  while stream.count > maxEvents or stream.bytes > maxBytes do
    local event = redis.call('XRANGE', streams .. streamId, '(' .. stream.scanned, '+', 'COUNT', 1)[1]
    if not event then break end
    stream.scanned = event[1]
    if event[2][1] == 'losable' then
      redis.call('XDEL', streams .. streamId, event[1])
      stream.count = stream.count - 1
      stream.bytes = stream.bytes - OVERHEAD - 2 * #event[2][2]
      stream.lost = tonumber(string.match(event[1], '%d+'))
    end
  end
  redis.call('HINCRBY', log, 'bytes', stream.bytes - before)
end

-- Removes streams that have ended, but never the last of them, and then what may be lost of the one that grows.
local function makeRoom(stream)
  local excess = redis.call('HGET', log, 'bytes') - maxSessionBytes
  while excess > 0 and redis.call('LLEN', ended) > 1 do
    remove(redis.call('LPOP', ended))
    excess = redis.call('HGET', log, 'bytes') - maxSessionBytes
  end
  if excess > 0 then lose(stream, math.huge, stream.bytes - excess) end
end

local function wake() redis.call(ARGV[5], ARGV[6], 's' .. streamId) end

-- Forgets what has expired.
local function prune()
  local used = redis.call('HGET', log, 'used')
  if used and tonumber(used) <= now - maxAge then removeLog(log, ended, streams) end
  while true do
    local first = redis.call('LINDEX', ended, 0)
    local stream = first and load(first)
    if not first or stream and stream.endedAt > now - maxAge then return end
    remove(first)
    redis.call('LPOP', ended)
  end
end
`;

/**
 * More ARGV: tag of a new log, most events and bytes of the stream, name of the event's field or nothing, its data, holder,
 * number of the last change, call that it settles, node that owes answers, and calls. Returns number and tag.
 */
export const APPEND: Script = {
  name: 'mcpAppend',
  lua: `${LOG}
prune()
local holder, told, settles, node = ARGV[13], ARGV[14], ARGV[15], ARGV[16]
local known = load(streamId) or {}
if known.endedAt then return false end
if holder ~= '' and known.holder ~= nil and known.holder ~= holder then return false end
local calls = known.calls
if not calls and node ~= '' then
  calls = {}
  for i = 17, #ARGV do calls[#calls + 1] = ARGV[i] end
end
if settles ~= '' then
  local place
  for i, call in ipairs(calls or {}) do if call == settles then place = i end end
  if not place then return false end
  table.remove(calls, place)
end
local stream = open(ARGV[8])
local number = redis.call('HINCRBY', log, 'number', 1)
stream.node = stream.node or node ~= '' and node or nil
stream.calls = calls
stream.told = math.max(stream.told, tonumber(told))
if ARGV[11] ~= '' then
  redis.call('XADD', streams .. streamId, string.format('%d-0', number), ARGV[11], ARGV[12])
  redis.call('PEXPIRE', streams .. streamId, ttl)
  local bytes = OVERHEAD + 2 * #ARGV[12]
  stream.count = stream.count + 1
  stream.bytes = stream.bytes + bytes
  redis.call('HINCRBY', log, 'bytes', bytes)
end
lose(stream, tonumber(ARGV[9]), tonumber(ARGV[10]))
makeRoom(stream)
save(stream)
use()
wake()
return { number, redis.call('HGET', log, 'tag') }`,
};

/** Ends the stream. */
export const END: Script = {
  name: 'mcpEnd',
  lua: `${LOG}
prune()
local stream = load(streamId)
if not stream then return end
if not stream.endedAt then
  stream.endedAt = now
  save(stream)
  redis.call('RPUSH', ended, streamId)
  redis.call('PEXPIRE', ended, ttl)
  makeRoom(stream)
  save(stream)
end
wake()`,
};

/** More ARGV: tag and number of an event. Returns what followed, whether it is all, whether the stream has ended, and what it owes. */
export const AFTER: Script = {
  name: 'mcpAfter',
  lua: `${LOG}
prune()
local stream = load(streamId)
local own = redis.call('HMGET', log, 'tag', 'number')
local number = tonumber(ARGV[9])
if not stream or own[1] ~= ARGV[8] or number > tonumber(own[2]) then return false end
local events = redis.call('XRANGE', streams .. streamId, '(' .. ARGV[9] .. '-0', '+')
return { events, number >= stream.lost and 1 or 0, stream.endedAt and 1 or 0, stream.node or false, stream.calls or {} }`,
};

/** More ARGV: tag of a new log, holder, and tag and number of an event or nothing. Returns what was told. */
export const HOLD: Script = {
  name: 'mcpHold',
  lua: `${LOG}
prune()
local known = load(streamId)
if ARGV[10] ~= '' then
  local own = redis.call('HMGET', log, 'tag', 'number')
  local number = tonumber(ARGV[11])
  if not known or own[1] ~= ARGV[10] or number > tonumber(own[2]) or number < known.lost then
    if known then
      known.holder, known.taken, known.told = false, 0, 0
      save(known)
    end
    wake()
    return false
  end
end
local stream = open(ARGV[8])
stream.holder = ARGV[9]
if ARGV[10] ~= '' then stream.taken = tonumber(ARGV[11]) end
save(stream)
use()
wake()
return stream.told`,
};

/** More ARGV: holder. Returns the tag and the events. */
export const TAKE: Script = {
  name: 'mcpTake',
  lua: `${LOG}
prune()
local stream = load(streamId)
if not stream then return { '', {} } end
if stream.holder == nil then stream.holder = ARGV[8] end
if stream.holder ~= ARGV[8] then return false end
local own = redis.call('HMGET', log, 'tag', 'number')
local events = redis.call('XRANGE', streams .. streamId, string.format('(%d-0', stream.taken), '+')
stream.taken = tonumber(own[2])
save(stream)
return { own[1], events }`,
};

/** Keeps the session from being forgotten. */
export const TOUCH_LOG: Script = {
  name: 'mcpTouchLog',
  lua: `${LOG}
if redis.call('EXISTS', log) == 1 then use() end`,
};

/** Forgets the session. */
export const DELETE_LOG: Script = {
  name: 'mcpDeleteLog',
  lua: `${LOG}
removeLog(log, ended, streams)`,
};
