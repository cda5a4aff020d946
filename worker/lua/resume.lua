-- Let a destination's jobs go out again, and wake a worker for them.
--
-- KEYS throttle hash, wake-up list
-- ARGV reason for which nothing went out, '' for any
-- Returns 1, or 0 if it is paused for another reason by now.
local half_open = redis.call('HGET', KEYS[1], 'half_open')
if half_open and ARGV[1] ~= '' and half_open ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'half_open', 'open_until', 'failures', 'open_count')
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('LPUSH', KEYS[2], 1) end
return 1
