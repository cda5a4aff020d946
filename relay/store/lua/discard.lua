-- Discard a record that waits for a person: on an operator's request, or after its time.
--
-- After lists.lua.
--
-- KEYS record, index of discarded records
-- ARGV record id, now (unix s), keep for (s), source, reason or '' to leave it, discard
--      only what has waited since before (unix s, or inf)
-- Returns 1, or 0 for a record in any other state.
local state, reason = unpack(redis.call('HMGET', KEYS[1], 'state', 'reason'))
if not state or not by_cause[state] then return 0 end
local since = redis.call('ZSCORE', 'relay:state:' .. state, ARGV[1])
if since and tonumber(since) > (tonumber(ARGV[6]) or math.huge) then return 0 end
redis.call('ZREM', 'relay:state:' .. state, ARGV[1])
redis.call('HSET', KEYS[1], 'state', 'discarded', 'settled_at', ARGV[2])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'reason', ARGV[5]) end
redis.call('HDEL', KEYS[1], 'payload')
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
unlist(ARGV[1], state, ARGV[4], reason)
list(ARGV[1], 'discarded', ARGV[4])
write_lists()
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
