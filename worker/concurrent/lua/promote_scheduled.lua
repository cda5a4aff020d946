-- Queues the scheduled jobs that are due, as RQ's scheduler does. After clock.lua.
--
-- ARGV now as RQ writes it, most jobs of a queue at a time, then names of queues
-- Returns 1 if there are jobs to claim or workers are suspended, how many jobs have been queued,
-- and in how long the next one is due (s, '' for none).
local most = tonumber(ARGV[2])
local keys, next_due, queued = { 'rq:suspended' }, nil, 0

local function enqueue(id, queue)
  local job = 'rq:job:' .. id
  local v = redis.call('HMGET', job, 'data', 'enqueue_at_front', 'enqueue_at_front_on_retry',
    'ended_at')
  if not v[1] then return end -- deleted
  local front = v[2] == '1' or (v[3] == '1' and v[4] and v[4] ~= '')
  redis.call('HSET', job, 'status', 'queued', 'enqueued_at', ARGV[1])
  redis.call(front and 'LPUSH' or 'RPUSH', queue, id)
  redis.call('SADD', 'rq:queues', queue)
  queued = queued + 1
end

for i = 3, #ARGV do
  local queue, scheduled = 'rq:queue:' .. ARGV[i], 'rq:scheduled:' .. ARGV[i]
  keys[#keys + 1] = queue
  local entries = redis.call('ZRANGE', scheduled, 0, most, 'WITHSCORES')
  -- RQ's own scheduler reads what is due and queues it later: a job must not be queued twice.
  if entries[1] and redis.call('EXISTS', 'rq:scheduler-lock:' .. ARGV[i]) == 1 then
    entries = {}
  end
  for j = 1, #entries, 2 do
    local due = tonumber(entries[j + 1])
    if due > now then
      next_due = math.min(next_due or due, due)
      break
    end
    redis.call('ZREM', scheduled, entries[j])
    enqueue(entries[j], queue)
  end
  if #entries > 2 * most then next_due = math.min(next_due or now, now) end
end
local due = next_due and string.format('%.3f', next_due - now) or ''
return { redis.call('EXISTS', unpack(keys)), queued, due }
