-- Give a record a new job: a settled one that a person replays, an open one whose job is lost.
--
-- KEYS record, open, queues
-- ARGV mode ('requeue_lost' or 'replay'), id, now, look again at, runs expected, queue, lane key,
--      now as RQ writes it, job id, job data, job description, job timeout, result seconds,
--      failure seconds, then record fields
local id, now, later = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local was = redis.call('HMGET', KEYS[1], 'state', 'runs', 'job', 'after', 'next')
local state, old = was[1], was[3] or id
if not state then
  redis.call('ZREM', KEYS[2], id)
  return 'absent'
end
if (was[2] or '1') ~= ARGV[5] then return 'moved' end
local open = opens(state)
local queue, job = ARGV[6], ARGV[9]

-- Whether somebody will still come by for the job; what is in doubt is looked at again later.
local function lives()
  local found = redis.call('HMGET', 'rq:job:' .. old, 'status', 'origin', 'worker_name')
  local status, origin, worker = found[1], found[2] or queue, found[3]
  if was[4] and is_open(was[4]) then
    redis.call('ZADD', KEYS[2], later + 3600, id)
    return 'waiting'
  end
  if status == 'queued' then
    -- Popped by a worker that died before it began; put back in front.
    if redis.call('LREM', 'rq:queue:' .. origin .. ':intermediate', 0, old) > 0 then
      redis.call('ZADD', KEYS[2], later, id)
      push('LPUSH', origin, old)
      return 'returned'
    end
    -- Searching a long list would hold up everybody; a lost one is found when it is short.
    local length = redis.call('LLEN', 'rq:queue:' .. origin)
    if length > 1000 or redis.call('LPOS', 'rq:queue:' .. origin, old) then
      -- The longer the list, the later: looking at who waits must not cost who is lost.
      redis.call('ZADD', KEYS[2], later + length / 20, id)
      return 'waiting'
    end
  elseif status == 'scheduled' then
    local due = redis.call('ZSCORE', 'rq:scheduled:' .. origin, old)
    if due then
      redis.call('ZADD', KEYS[2], math.max(later, due + later - now), id)
      return 'waiting'
    end
  elseif status == 'started' then
    -- Ours hold a lease, and what a dead one held is taken back; a stock worker keeps a sign.
    if (worker and redis.call('ZSCORE', 'rq:leases', worker))
      or redis.call('EXISTS', 'rq:executions:' .. old) == 1 then
      redis.call('ZADD', KEYS[2], later, id)
      return 'waiting'
    end
  end
end

if ARGV[1] == 'replay' then
  if open then return 'open' end
else
  if not open then
    redis.call('ZREM', KEYS[2], id)
    return 'settled'
  end
  local due = redis.call('ZSCORE', KEYS[2], id)
  if due and tonumber(due) > now then return 'moved' end
  local found = lives()
  if found then return found end
end

local origin = redis.call('HGET', 'rq:job:' .. old, 'origin') or queue
redis.call('DEL', 'rq:job:' .. old)
redis.call('LREM', 'rq:queue:' .. origin .. ':intermediate', 0, old)
redis.call('ZREM', 'rq:scheduled:' .. origin, old)
redis.call('ZREM', 'rq:deferred:' .. origin, old)
redis.call('HDEL', KEYS[1], 'answer', 'settled_at', 'after')
redis.call('HSET', KEYS[1], 'job', job, unpack(ARGV, 15))
redis.call('HINCRBY', KEYS[1], 'runs', was[2] and 1 or 2)
redis.call('PERSIST', KEYS[1])
local waits
if not open then
  redis.call('HDEL', KEYS[1], 'next')
  waits = enter(ARGV[7], id)
  redis.call('ZREM', 'relay:state:' .. state, id)
end
redis.call('HSET', 'rq:job:' .. job, 'data', ARGV[10], 'description', ARGV[11],
  'created_at', ARGV[8], 'enqueued_at', ARGV[8], 'origin', queue,
  'status', waits and 'deferred' or 'queued',
  'timeout', ARGV[12], 'result_ttl', ARGV[13], 'failure_ttl', ARGV[14])
if waits then
  redis.call('ZADD', KEYS[2], later + 3600, id)
  redis.call('ZADD', 'rq:deferred:' .. queue, now, job)
else
  redis.call('ZADD', KEYS[2], later, id)
  push('RPUSH', queue, job)
end
redis.call('SADD', KEYS[3], 'rq:queue:' .. queue)
return 'requeued'
