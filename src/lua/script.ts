/**
 * Programs that run in Redis, each in one step. What they are for is said where they are called.
 *
 * The time comes from the caller, as everywhere. Expiry in Redis's own time is only there so that nothing stays for ever
 * if no node is running. Some keys are not declared, because only other keys tell their names: on a cluster that works,
 * since all keys of a session have the same hash tag.
 */

/** A program for Redis. */
export interface Script {
  /** Unique in this process. */
  readonly name: string;
  readonly lua: string;
}

/** Lua: `removeLog` removes an event log. Each field of it that begins with a colon is a stream. */
export const REMOVE_LOG = `
local function removeLog(log, ended, streams)
  for _, field in ipairs(redis.call('HKEYS', log)) do
    if string.sub(field, 1, 1) == ':' then redis.call('UNLINK', streams .. string.sub(field, 2)) end
  end
  redis.call('UNLINK', log, ended)
end`;
