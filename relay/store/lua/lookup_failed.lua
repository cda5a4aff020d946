-- Write down a look-up that failed, and when it is made again.
--
-- After clock.lua and lists.lua.
--
-- KEYS record, lookups
-- ARGV id, source, entry of the log, most bytes of the log, due in (s) or '' where it is given
--      up, reason of the record
-- Returns 1, or 0 where the record does not await a look-up any more.
local state, reason, log = unpack(redis.call('HMGET', KEYS[1], 'state', 'reason', 'log'))
if state ~= 'awaiting_lookup' then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return 0
end
log = (log and log .. '\n' or '') .. ARGV[3]
if #log <= tonumber(ARGV[4]) then redis.call('HSET', KEYS[1], 'log', log) end
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
if ARGV[5] ~= '' then
  redis.call('ZADD', KEYS[2], now + ARGV[5], ARGV[1])
else
  redis.call('ZREM', KEYS[2], ARGV[1])
end
if ARGV[6] ~= reason then
  unlist(ARGV[1], state, ARGV[2], reason)
  redis.call('HSET', KEYS[1], 'reason', ARGV[6])
  list(ARGV[1], state, ARGV[2], ARGV[6])
  write_lists()
end
return 1
