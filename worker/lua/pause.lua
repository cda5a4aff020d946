-- Pause a destination, by the clock of Redis. After clock.lua of worker/concurrent/lua.
--
-- KEYS throttle hash
-- ARGV reason, seconds until somebody probes
-- What a person has paused (`paused`) stays so, whatever an answer that was still awaited says.
if ARGV[1] ~= 'paused' and redis.call('HGET', KEYS[1], 'half_open') == 'paused' then return end
redis.call('HSET', KEYS[1], 'half_open', ARGV[1], 'open_until', now + ARGV[2])
