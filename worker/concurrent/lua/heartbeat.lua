-- Renews a worker's lease. After clock.lua and lease.lua.
--
-- ARGV worker, lease (s)
-- Returns how many jobs the worker holds, and all workers with their leases.
renew(ARGV[1], ARGV[2])
return {
  redis.call('ZCARD', 'rq:claims:' .. ARGV[1]),
  redis.call('ZRANGE', 'rq:leases', 0, -1, 'WITHSCORES'),
}
