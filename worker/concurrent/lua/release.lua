-- Returns jobs that a worker holds to the front of their queues, in the order it claimed them.
--
-- ARGV worker, its lease to do so only if that has not been renewed since or '', now as RQ writes it, wake-up key or '',
--      1 to raise `redelivery_count` in the jobs' hashes, then `job:execution` entries; all that
--      the worker holds when none is named
-- Returns the ids of the jobs.
local worker, claims = ARGV[1], 'rq:claims:' .. ARGV[1]
if ARGV[2] ~= '' then
  local lease = redis.call('ZSCORE', 'rq:leases', worker)
  if lease and tonumber(lease) ~= tonumber(ARGV[2]) then return {} end
  redis.call('ZREM', 'rq:leases', worker)
end
local named = {}
for i = 6, #ARGV do named[ARGV[i]] = true end
local released = {}
for _, member in ipairs(redis.call('ZREVRANGE', claims, 0, -1)) do
  if #ARGV < 6 or named[member] then
    local id = string.match(member, '^([^:]+):')
    local job = redis.call('HMGET', 'rq:job:' .. id, 'origin', 'status')
    redis.call('ZREM', claims, member)
    redis.call('DEL', 'rq:execution:' .. member, 'rq:executions:' .. id)
    redis.call('SREM', 'rq:worker:' .. worker .. ':executions', member)
    if job[1] then
      -- The started registry decides, not the status: RQ sets `scheduled` before it schedules, and
      -- a client that saves its own copy of a job may set anything.
      if redis.call('ZREM', 'rq:wip:' .. job[1], member) == 1 and job[2] ~= 'canceled' then
        redis.call('HSET', 'rq:job:' .. id, 'status', 'queued', 'enqueued_at', ARGV[3])
        if ARGV[5] == '1' then redis.call('HINCRBY', 'rq:job:' .. id, 'redelivery_count', 1) end
        redis.call('LPUSH', 'rq:queue:' .. job[1], id)
        released[#released + 1] = id
      end
    else -- deleted meanwhile, its queue unknown: free its place under the cap in any of them
      for _, queue in ipairs(redis.call('SMEMBERS', 'rq:queues')) do
        redis.call('ZREM', 'rq:wip:' .. string.sub(queue, #'rq:queue:' + 1), member)
      end
    end
  end
end
if #released > 0 and ARGV[4] ~= '' then redis.call('LPUSH', ARGV[4], 1) end
return released
