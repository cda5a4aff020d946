-- Give a record a new job: a settled record on replay, an open one whose job is lost.
--
-- After lanes.lua and lists.lua.
--
-- KEYS record, open, queues
-- ARGV mode ('requeue_lost' or 'replay'), record id, now (unix s), check at (unix s), runs
--      expected, queue, lane digests, now (RQ's notation), new job id, job data, job description, job
--      timeout (s), result TTL (s), failure TTL (s), source, then record fields
-- Returns 'requeued', or why not:
--      'absent'   there is no record
--      'moved'    another process has handled it since it was read
--      'open'     replay: it is still being delivered
--      'settled'  requeue_lost: it is not open any more
--      'waiting'  requeue_lost: its job is alive
--      'returned' requeue_lost: its job was in RQ's intermediate list and is queued again
local id, now, check_at = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local state, runs, job_id, after, old_reason =
  unpack(redis.call('HMGET', KEYS[1], 'state', 'runs', 'job', 'after', 'reason'))
local old_job = job_id or id
if not state then
  redis.call('ZREM', KEYS[2], id)
  return 'absent'
end
if (runs or '1') ~= ARGV[5] then return 'moved' end
local open = opens(state)
local queue, job = ARGV[6], ARGV[9]

-- Returns 'waiting' or 'returned' if the old job will still run, and sets when to check again.
-- In doubt it is taken for alive: the next check finds out.
local function job_is_alive()
  local status, origin, worker =
    unpack(redis.call('HMGET', 'rq:job:' .. old_job, 'status', 'origin', 'worker_name'))
  origin = origin or queue
  if after and is_open(after) then
    redis.call('ZADD', KEYS[2], check_at + 3600, id)
    return 'waiting'
  end
  if status == 'queued' then
    -- Popped by a stock worker that died before it started the job.
    if redis.call('LREM', 'rq:queue:' .. origin .. ':intermediate', 0, old_job) > 0 then
      redis.call('ZADD', KEYS[2], check_at, id)
      push('LPUSH', origin, old_job)
      return 'returned'
    end
    -- LPOS on a long list would block Redis; a lost job is found when the list is short again.
    local length = redis.call('LLEN', 'rq:queue:' .. origin)
    if length > 1000 or redis.call('LPOS', 'rq:queue:' .. origin, old_job) then
      -- Checked later behind a long queue, so that lost jobs are found before waiting ones.
      redis.call('ZADD', KEYS[2], check_at + length / 20, id)
      return 'waiting'
    end
  elseif status == 'scheduled' then
    local due_at = redis.call('ZSCORE', 'rq:scheduled:' .. origin, old_job)
    if due_at then
      redis.call('ZADD', KEYS[2], math.max(check_at, due_at + check_at - now), id)
      return 'waiting'
    end
  elseif status == 'started' then
    -- Our workers hold a lease, and jobs of an expired one are reclaimed; a stock worker has an
    -- execution registry per job.
    if (worker and redis.call('ZSCORE', 'rq:leases', worker))
      or redis.call('EXISTS', 'rq:executions:' .. old_job) == 1 then
      redis.call('ZADD', KEYS[2], check_at, id)
      return 'waiting'
    end
  end
end

if ARGV[1] == 'replay' then
  if open then return 'open' end
  redis.call('HDEL', KEYS[1], 'waits')
else
  if not open then
    redis.call('ZREM', KEYS[2], id)
    return 'settled'
  end
  local score = redis.call('ZSCORE', KEYS[2], id)
  if score and tonumber(score) > now then return 'moved' end
  local answer = job_is_alive()
  if answer then return answer end
end

local origin = redis.call('HGET', 'rq:job:' .. old_job, 'origin') or queue
redis.call('DEL', 'rq:job:' .. old_job)
redis.call('LREM', 'rq:queue:' .. origin .. ':intermediate', 0, old_job)
redis.call('ZREM', 'rq:scheduled:' .. origin, old_job)
redis.call('ZREM', 'rq:deferred:' .. origin, old_job)
redis.call('HDEL', KEYS[1], 'answer', 'settled_at', 'after')
redis.call('HSET', KEYS[1], 'job', job, unpack(ARGV, 16))
redis.call('HINCRBY', KEYS[1], 'runs', runs and 1 or 2)
redis.call('PERSIST', KEYS[1])
local predecessor
if not open then
  redis.call('HDEL', KEYS[1], 'next')
  predecessor = enter(ARGV[7], id)
  local digests = redis.call('HGET', KEYS[1], 'digests') or ''
  local found_by = string.match(digests, '^%S*(.*)$')
  redis.call('HSET', KEYS[1], 'digests', string.match(ARGV[7], '^%S*') .. found_by)
  redis.call('ZREM', 'relay:state:' .. state, id)
  unlist(id, state, ARGV[15], old_reason)
  list(id, 'accepted', ARGV[15])
  write_lists()
end
redis.call('HSET', 'rq:job:' .. job, 'data', ARGV[10], 'description', ARGV[11],
  'created_at', ARGV[8], 'enqueued_at', ARGV[8], 'origin', queue,
  'status', predecessor and 'deferred' or 'queued',
  'timeout', ARGV[12], 'result_ttl', ARGV[13], 'failure_ttl', ARGV[14])
if predecessor then
  redis.call('ZADD', KEYS[2], check_at + 3600, id)
  redis.call('ZADD', 'rq:deferred:' .. queue, now, job)
else
  redis.call('ZADD', KEYS[2], check_at, id)
  push('RPUSH', queue, job)
end
redis.call('SADD', KEYS[3], 'rq:queue:' .. queue)
return 'requeued'
