-- Discard a held or dead record, on an operator's request.
--
-- KEYS record, index of discarded records
-- ARGV record id, now (unix s), keep for (s)
-- Returns 1, or 0 for a record in any other state.
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'held' and state ~= 'dead' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'discarded', 'settled_at', ARGV[2])
redis.call('HDEL', KEYS[1], 'request')
redis.call('ZREM', 'relay:state:' .. state, ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
