-- Renews a worker's lease. After clock.lua and lease.lua.
--
-- ARGV worker, lease (s)
-- Returns how many jobs the worker holds, and the workers whose lease has expired.
renew(ARGV[1], ARGV[2])
return {
  redis.call('ZCARD', 'rq:claims:' .. ARGV[1]),
  redis.call('ZRANGE', 'rq:leases', '-inf', '(' .. string.format('%.6f', now), 'BYSCORE'),
}
