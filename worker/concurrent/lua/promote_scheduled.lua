-- Queue the scheduled jobs that are due.
--
-- ARGV now (s), now as RQ writes it, most at a time, then names of queues
-- Returns whether there are jobs (or none may run), how many have just been queued, when the next
-- one is due ('' for none), and for RQ to go on with: rate limits that due jobs now wait for, and
-- how many each lets through.
local now, most = tonumber(ARGV[1]), tonumber(ARGV[3])
local keys, next_due, limits, queued = { 'rq:suspended' }, nil, {}, 0

-- As RQ's scheduler does.
local function enqueue(id, queue)
  local job = 'rq:job:' .. id
  local v = redis.call('HMGET', job, 'data', 'enqueue_at_front', 'enqueue_at_front_on_retry',
    'ended_at', 'ttl', 'rate_limit_key', 'rate_limit_concurrency')
  if not v[1] then return end
  local front = v[2] == '1' or (v[3] == '1' and v[4] and v[4] ~= '')
  if v[5] and v[5] ~= '' then redis.call('EXPIRE', job, v[5]) end
  if v[6] and v[7] then
    local limit = 'rq:rl:' .. v[6]
    redis.call('SADD', 'rq:rl-keys', v[6])
    redis.call('HSET', limit, 'concurrency', v[7])
    redis.call('HSET', job, 'status', 'rate_limited')
    if front then redis.call('HSET', job, 'enqueue_at_front', 1) end
    redis.call('ZADD', limit .. ':rate_limited', now, id)
    limits[#limits + 1] = v[6]
    limits[#limits + 1] = v[7]
  else
    redis.call('HSET', job, 'status', 'queued', 'enqueued_at', ARGV[2])
    redis.call(front and 'LPUSH' or 'RPUSH', queue, id)
    redis.call('SADD', 'rq:queues', queue)
    queued = queued + 1
  end
end

for i = 4, #ARGV do
  local queue, scheduled = 'rq:queue:' .. ARGV[i], 'rq:scheduled:' .. ARGV[i]
  keys[#keys + 1] = queue
  local found = redis.call('ZRANGE', scheduled, 0, most, 'WITHSCORES')
  -- RQ's own scheduler reads what is due and queues it later: it must not come twice.
  if found[1] and redis.call('EXISTS', 'rq:scheduler-lock:' .. ARGV[i]) == 1 then found = {} end
  for j = 1, #found, 2 do
    local due = tonumber(found[j + 1])
    if due > now then
      next_due = math.min(next_due or due, due)
      break
    end
    redis.call('ZREM', scheduled, found[j])
    enqueue(found[j], queue)
  end
  if #found > 2 * most then next_due = math.min(next_due or now, now) end
end
local due = next_due and string.format('%.3f', next_due) or ''
return { redis.call('EXISTS', unpack(keys)), queued, due, limits }
