-- Takes a token in advance, for a stock worker, which already holds its job. After clock.lua and
-- token_bucket.lua of worker/concurrent/lua.
--
-- KEYS throttle hash
-- ARGV rate (/s), longest wait (s), probe interval (s)
-- Returns the seconds to wait. The token is taken unless that is longer than the longest wait.
local v = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'rate', 'open_until', 'half_open')
local rate = math.min(tonumber(ARGV[1]), tonumber(v[3]) or math.huge)
local tokens = refilled(v[1], v[2], rate)
local wait_s = math.max((tonumber(v[4]) or 0) - now, token_wait_s(tokens, rate))
if wait_s <= tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'tokens', tokens - 1, 'at', now)
  -- While half open this one is the probe, and nobody else goes for a probe interval.
  if v[5] then redis.call('HSET', KEYS[1], 'open_until', now + tonumber(ARGV[3])) end
end
return string.format('%.6f', wait_s)
