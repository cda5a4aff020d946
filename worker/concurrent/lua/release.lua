-- Put jobs a worker holds back to the front of their queues, in the order it took them.
--
-- ARGV worker, 1 only if its lease is over, now as RQ writes it, bell or '',
--      1 to count it, then entries `job:execution`; all it holds when none is named
-- Returns the ids of the jobs. `redelivery_count` in a job's hash says how often it may have begun for nothing.
local worker, claims = ARGV[1], 'rq:claims:' .. ARGV[1]
if ARGV[2] == '1' then
  local time, till = redis.call('TIME'), redis.call('ZSCORE', 'rq:leases', worker)
  if till and tonumber(till) > tonumber(time[1]) + tonumber(time[2]) / 1e6 then return {} end
  redis.call('ZREM', 'rq:leases', worker)
end
local wanted = {}
for i = 6, #ARGV do wanted[ARGV[i]] = true end
local returned = {}
for _, member in ipairs(redis.call('ZREVRANGE', claims, 0, -1)) do
  if #ARGV < 6 or wanted[member] then
    local id = string.match(member, '^([^:]+):')
    local job = redis.call('HMGET', 'rq:job:' .. id, 'origin', 'status')
    redis.call('ZREM', claims, member)
    redis.call('DEL', 'rq:execution:' .. member, 'rq:executions:' .. id)
    redis.call('SREM', 'rq:worker:' .. worker .. ':executions', member)
    if job[1] then
      -- Not what its hash says: RQ writes `scheduled` there before it schedules, and a client that
      -- saves a copy of its own writes anything.
      if redis.call('ZREM', 'rq:wip:' .. job[1], member) == 1 and job[2] ~= 'canceled' then
        redis.call('HSET', 'rq:job:' .. id, 'status', 'queued', 'enqueued_at', ARGV[3])
        if ARGV[5] == '1' then redis.call('HINCRBY', 'rq:job:' .. id, 'redelivery_count', 1) end
        redis.call('LPUSH', 'rq:queue:' .. job[1], id)
        returned[#returned + 1] = id
      end
    else -- deleted meanwhile; its place under the cap is free all the same
      for _, queue in ipairs(redis.call('SMEMBERS', 'rq:queues')) do
        redis.call('ZREM', 'rq:wip:' .. string.sub(queue, #'rq:queue:' + 1), member)
      end
    end
  end
end
if #returned > 0 and ARGV[4] ~= '' then redis.call('LPUSH', ARGV[4], 1) end
return returned
