-- The function shared by the scripts that follow it: giving an open record its first job.
--
-- After lanes.lua. `job` has the queue, data and description of the job, the moment in unix s
-- (`now`) and in RQ's notation (`iso`), when to check the record (`check_at`, unix s), and RQ's
-- `timeout`, `result_ttl` and `failure_ttl` (s).
local function start(id, lanes, job)
  local behind = enter(lanes, id)
  redis.call('HSET', 'rq:job:' .. id, 'data', job.data, 'description', job.description,
    'created_at', job.iso, 'enqueued_at', job.iso, 'origin', job.queue,
    'status', behind and 'deferred' or 'queued',
    'timeout', job.timeout, 'result_ttl', job.result_ttl, 'failure_ttl', job.failure_ttl)
  if behind then
    redis.call('ZADD', 'rq:deferred:' .. job.queue, job.now, id)
    redis.call('ZADD', 'relay:open', job.check_at + 3600, id)
  else
    -- Checked later behind a long queue: checks of waiting jobs would slow down delivery.
    local length = push('RPUSH', job.queue, id)
    redis.call('ZADD', 'relay:open', job.check_at + length / 20, id)
  end
end
