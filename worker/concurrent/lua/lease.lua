-- Renews a worker's lease, in every script that claims or sends a heartbeat. After clock.lua.
-- The number is another each time: others take over who have seen it stand still by their own clocks.
local function renew(worker, lease_s)
  local function write(call) return call('ZADD', 'rq:leases', now + tonumber(lease_s), worker) end
  if type(write(redis.pcall)) == 'table' then
    -- Out of memory: Redis refuses a script's writes unless the script has written before with a
    -- command that needs no memory. Running jobs is what frees memory, so the lease must go on.
    redis.call('ZREM', 'rq:leases', worker)
    write(redis.call)
  end
end
