-- A sign of life. ARGV worker, lease (s). Returns how many jobs it holds, and whose lease is over.
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local function renew(call) return call('ZADD', 'rq:leases', now + tonumber(ARGV[2]), ARGV[1]) end
if type(renew(redis.pcall)) == 'table' then -- full: see claim.lua
  redis.call('ZREM', 'rq:leases', ARGV[1])
  renew(redis.call)
end
return {
  redis.call('ZCARD', 'rq:claims:' .. ARGV[1]),
  redis.call('ZRANGE', 'rq:leases', '-inf', '(' .. string.format('%.6f', now), 'BYSCORE'),
}
