-- Pause a destination, by the clock of Redis. After clock.lua of worker/concurrent/lua.
--
-- KEYS throttle hash
-- ARGV reason, seconds until somebody probes
redis.call('HSET', KEYS[1], 'half_open', ARGV[1], 'open_until', now + ARGV[2])
