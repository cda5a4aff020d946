-- What a claim and a beat begin with: the clock of Redis, and a lease that goes on from now.
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6

local function renew(worker, lease_s)
  local function write(call) return call('ZADD', 'rq:leases', now + tonumber(lease_s), worker) end
  if type(write(redis.pcall)) == 'table' then
    -- Redis is full; but a script that has begun to write, with what needs no room, may go on. To
    -- run jobs is what makes room.
    redis.call('ZREM', 'rq:leases', worker)
    write(redis.call)
  end
end
