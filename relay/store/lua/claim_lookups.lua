-- Take look-ups that are due, and put them off for as long as one may take.
--
-- KEYS lookups
-- ARGV most of them, how long one may take (s)
-- Returns record ids. Who dies with one leaves it to the others: it is due again then.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[1], now + ARGV[2], id) end
return ids
