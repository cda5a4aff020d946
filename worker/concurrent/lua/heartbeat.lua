-- A sign of life; after lease.lua.
--
-- ARGV worker, lease (s)
-- Returns how many jobs it holds, and whose lease is over.
renew(ARGV[1], ARGV[2])
return {
  redis.call('ZCARD', 'rq:claims:' .. ARGV[1]),
  redis.call('ZRANGE', 'rq:leases', '-inf', '(' .. string.format('%.6f', now), 'BYSCORE'),
}
