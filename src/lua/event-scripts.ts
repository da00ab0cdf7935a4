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
local now, maxAge, maxSessionBytes = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local publish, channel, streamId = ARGV[5], ARGV[6], ARGV[7]
local OVERHEAD = 512
local ttl = string.format('%d', 2 * maxAge)
local tag, number, bytes, used, stream

local function remove(id)
  redis.call('UNLINK', streams .. id)
  local packed = redis.call('HGET', log, ':' .. id)
  if not packed then return end
  bytes = bytes - cmsgpack.unpack(packed).bytes
  redis.call('HDEL', log, ':' .. id)
  redis.call('HSET', log, 'bytes', bytes)
  if id == streamId then stream = nil end
end

-- Reads the log and the stream.
local function read()
  local found = redis.call('HMGET', log, 'tag', 'number', 'bytes', 'used', ':' .. streamId)
  tag, number, bytes, used = found[1], tonumber(found[2] or 0), tonumber(found[3] or 0), tonumber(found[4] or 0)
  stream = found[5] and cmsgpack.unpack(found[5]) or nil
end

-- Forgets what has expired, and reads the rest.
local function begin()
  read()
  if tag and used <= now - maxAge then
    removeLog(log, ended, streams)
    tag, number, bytes, used, stream = false, 0, 0, 0, nil
  end
  while tag do
    local first = redis.call('LINDEX', ended, 0)
    local packed = first and redis.call('HGET', log, ':' .. first)
    if not first or packed and cmsgpack.unpack(packed).endedAt > now - maxAge then return end
    remove(first)
    redis.call('LPOP', ended)
  end
end

-- Makes the log and the stream unless they exist.
local function open(newTag)
  tag = tag or newTag
  if stream then return end
  stream = { count = 0, bytes = OVERHEAD, lost = 0, scanned = '0-0', taken = 0, told = 0 }
  bytes = bytes + OVERHEAD
end

-- All keys of a session expire at once in Redis's own time, which is renewed now and then. The list of ended streams may last longer.
local function renew()
  if math.floor(2 * used / maxAge) == math.floor(2 * now / maxAge) then return end
  for _, field in ipairs(redis.call('HKEYS', log)) do
    if string.sub(field, 1, 1) == ':' then redis.call('PEXPIRE', streams .. string.sub(field, 2), ttl) end
  end
  redis.call('PEXPIRE', ended, ttl)
  redis.call('PEXPIRE', log, ttl)
end

local function set(...)
  local done = redis.pcall('HSET', log, ...)
  if type(done) == 'table' and done.err then
    -- A full Redis refuses this, unless the script has changed something before. What is here already may go on.
    redis.call('PEXPIRE', log, ttl)
    redis.call('HSET', log, ...)
  end
end

local function save(isUse)
  local time = isUse and now or used
  set('tag', tag, 'number', number, 'bytes', bytes, 'used', time, ':' .. streamId, cmsgpack.pack(stream))
  if isUse then renew() end
end

-- Loses the oldest events that may be lost, until the stream keeps these bounds or has no more of them.
local function lose(maxEvents, maxBytes)
  while stream.count > maxEvents or stream.bytes > maxBytes do
    local event = redis.call('XRANGE', streams .. streamId, '(' .. stream.scanned, '+', 'COUNT', 1)[1]
    if not event then return end
    stream.scanned = event[1]
    if event[2][1] == 'losable' then
      redis.call('XDEL', streams .. streamId, event[1])
      local size = OVERHEAD + 2 * #event[2][2]
      stream.count, stream.bytes, bytes = stream.count - 1, stream.bytes - size, bytes - size
      stream.lost = tonumber(string.match(event[1], '%d+'))
    end
  end
end

-- Removes streams that have ended, but never the last of them, and then what may be lost of the one that grows.
local function makeRoom()
  while bytes > maxSessionBytes and redis.call('LLEN', ended) > 1 do remove(redis.call('LPOP', ended)) end
  if bytes > maxSessionBytes then lose(math.huge, stream.bytes + maxSessionBytes - bytes) end
end

local function wake() redis.call(publish, channel, 's' .. streamId) end
`;

/**
 * More ARGV: tag of a new log, most events and bytes of the stream, name of the event's field or nothing, its data, holder,
 * number of the last change, call that it settles, node that owes answers, and calls. Returns number and tag.
 */
export const APPEND: Script = {
  name: 'mcpAppend',
  lua: `${LOG}
begin()
local newTag, maxEvents, maxBytes, field, data = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11], ARGV[12]
local holder, told, settles, node, FIRST_CALL = ARGV[13], tonumber(ARGV[14]), ARGV[15], ARGV[16], 17
local known = stream or {}
if known.endedAt then return false end
if holder ~= '' and known.holder ~= holder then return false end
local calls = known.calls
if not calls and node ~= '' then
  calls = {}
  for i = FIRST_CALL, #ARGV do calls[#calls + 1] = ARGV[i] end
end
if settles ~= '' then
  local place
  for i, call in ipairs(calls or {}) do if call == settles then place = i end end
  if not place then return false end
  table.remove(calls, place)
end
open(newTag)
local isFirst = field ~= '' and stream.count == 0
number = number + 1
stream.node = stream.node or node ~= '' and node or nil
stream.calls = calls
stream.told = math.max(stream.told, told)
if field ~= '' then
  -- The first change, and the one that a full Redis refuses.
  redis.call('XADD', streams .. streamId, string.format('%d-0', number), field, data)
  local size = OVERHEAD + 2 * #data
  stream.count, stream.bytes, bytes = stream.count + 1, stream.bytes + size, bytes + size
end
lose(maxEvents, maxBytes)
makeRoom()
save(true)
if isFirst then redis.call('PEXPIRE', streams .. streamId, redis.call('PTTL', log)) end
wake()
return { number, tag }`,
};

/** Ends the stream. */
export const END: Script = {
  name: 'mcpEnd',
  lua: `${LOG}
begin()
if not stream then return end
if not stream.endedAt then
  stream.endedAt = now
  save(false)
  redis.call('RPUSH', ended, streamId)
  redis.call('PEXPIRE', ended, ttl)
  makeRoom()
  save(false)
end
wake()`,
};

/** More ARGV: tag and number of an event. Returns what followed, whether it is all, whether the stream has ended, and what it owes. */
export const AFTER: Script = {
  name: 'mcpAfter',
  lua: `${LOG}
begin()
local lastTag, last = ARGV[8], tonumber(ARGV[9])
if not stream or tag ~= lastTag or last > number then return false end
local events = redis.call('XRANGE', streams .. streamId, string.format('(%d-0', last), '+')
return { events, last >= stream.lost and 1 or 0, stream.endedAt and 1 or 0, stream.node or false, stream.calls or {} }`,
};

/** More ARGV: tag of a new log, holder, and tag and number of an event or nothing. Returns what was told. */
export const HOLD: Script = {
  name: 'mcpHold',
  lua: `${LOG}
begin()
local newTag, holder, lastTag, last = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
if lastTag ~= '' and (not stream or tag ~= lastTag or last > number or last < stream.lost) then
  if stream then
    stream.holder, stream.taken, stream.told = false, 0, 0
    save(false)
  end
  wake()
  return false
end
open(newTag)
stream.holder = holder
if lastTag ~= '' then stream.taken = last end
save(true)
wake()
return { stream.told, stream.taken }`,
};

/** More ARGV: holder, number of the last event that it has got (or empty: that was taken). Returns the tag and the events. */
export const TAKE: Script = {
  name: 'mcpTake',
  lua: `${LOG}
begin()
local holder, after = ARGV[8], tonumber(ARGV[9])
if not stream or stream.holder ~= holder then return false end
if (after or 0) > number then
  -- Redis has come back with older data, and numbers are given once more: nobody may resume from those of before.
  removeLog(log, ended, streams)
  return false
end
local events = redis.call('XRANGE', streams .. streamId, string.format('(%d-0', after or stream.taken), '+')
stream.taken = number
save(false)
return { tag, events }`,
};

/** Keeps the session from being forgotten. */
export const TOUCH_LOG: Script = {
  name: 'mcpTouchLog',
  lua: `${LOG}
read()
if not tag then return end
set('used', now)
renew()`,
};

/** Forgets the session. */
export const DELETE_LOG: Script = {
  name: 'mcpDeleteLog',
  lua: `${LOG}
removeLog(log, ended, streams)`,
};
