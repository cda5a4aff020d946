-- Writes the results of executions that returned a value, a Retry or a Requeue; gives up the claims.
--
-- After clock.lua.
--
-- ARGV worker, now as RQ writes it, then per job:
--      queue, job id, execution id, kind, seconds it took, seconds to keep (-1 for ever, '' for
--      as long as now), retries so far, in how long due (s, 0 at once), 1 for the front of the queue,
--      1 if RQ's registries show its execution, n, n fields of the Result
--      kind: 'finished', 'retry', or 'requeue' for the front of the queue as if never claimed
-- Returns for each 'done', 'lost' (another worker has the job) or 'dependents' (it has got some while
-- it ran: nothing is written).
local worker, iso = ARGV[1], ARGV[2]
local jobs, members, dependents, i = {}, {}, {}, 3
while ARGV[i] do
  jobs[#jobs + 1] = i
  members[#members + 1] = ARGV[i + 1] .. ':' .. ARGV[i + 2]
  dependents[#dependents + 1] = 'rq:job:' .. ARGV[i + 1] .. ':dependents'
  i = i + 11 + tonumber(ARGV[i + 10])
end
redis.call('DEL', 'rq:nothing') -- a write that needs no memory, so that all may follow: lease.lua
local held = redis.call('ZMSCORE', 'rq:claims:' .. worker, unpack(members))
local any_dependents = redis.call('EXISTS', unpack(dependents)) > 0
local result, done, keys, registered, wip, finished = {}, {}, {}, {}, {}, {}
local successes, failures, working = 0, 0, 0
local front = { 'enqueue_at_front_on_retry', 1 }

local function add(lists, name, ...)
  lists[name] = lists[name] or {}
  for _, value in ipairs({ ... }) do table.insert(lists[name], value) end
end

local function keep_result(id, ttl, at)
  local key = 'rq:results:' .. id
  redis.call('XADD', key, 'MAXLEN', '~', 10, '*', unpack(ARGV, at + 1, at + tonumber(ARGV[at])))
  if not ttl then return end
  if ttl < 0 then redis.call('PERSIST', key) else redis.call('EXPIRE', key, ttl) end
end

for at, start in ipairs(jobs) do
  local queue, id, kind = ARGV[start], ARGV[start + 1], ARGV[start + 3]
  local ttl, due, job = tonumber(ARGV[start + 5]), tonumber(ARGV[start + 7]), 'rq:job:' .. id
  if not held[at] then
    result[at] = 'lost'
  elseif kind == 'finished' and any_dependents and redis.call('EXISTS', dependents[at]) == 1 then
    result[at] = 'dependents'
  else
    result[at] = 'done'
    done[#done + 1] = members[at]
    add(wip, queue, members[at])
    if ARGV[start + 9] == '1' then
      registered[#registered + 1] = members[at]
      keys[#keys + 1] = 'rq:execution:' .. members[at]
      keys[#keys + 1] = 'rq:executions:' .. id
    end
    local status = kind == 'finished' and 'finished' or kind == 'retry' and due > 0 and 'scheduled'
      or 'queued'
    local fresh
    if kind == 'finished' then
      fresh = redis.call('HSET', job, 'status', status, 'ended_at', iso, 'last_heartbeat', iso)
    elseif kind == 'retry' then
      fresh = redis.call('HSET', job, 'status', status, 'ended_at', iso, 'last_heartbeat', iso,
        'number_of_retries', ARGV[start + 6], unpack(ARGV[start + 8] == '1' and front or {}))
      redis.call('HDEL', job, 'redelivery_count', 'suspect_runs') -- of this try; the next one is another
    else
      fresh = redis.call('HSET', job, 'status', status, 'enqueued_at', iso, 'last_heartbeat', iso) + 1
    end
    if fresh >= 3 and redis.call('HEXISTS', job, 'data') == 0 then
      redis.call('DEL', job) -- deleted while it ran: HSET has made it again
    elseif kind == 'finished' and ttl == 0 then
      redis.call('DEL', job, 'rq:results:' .. id)
    elseif kind == 'finished' then
      if ttl > 0 then redis.call('EXPIRE', job, ttl) end
      keep_result(id, ttl, start + 10)
      add(finished, queue, ttl > 0 and now + ttl or '+inf', id)
    else
      if kind == 'retry' then keep_result(id, ttl, start + 10) end
      if status == 'scheduled' then
        redis.call('ZADD', 'rq:scheduled:' .. queue, now + due, id)
      else
        redis.call('HSET', job, 'enqueued_at', iso)
        redis.call(ARGV[start + 8] == '1' and 'LPUSH' or 'RPUSH', 'rq:queue:' .. queue, id)
      end
    end
    if kind == 'finished' then successes = successes + 1 end
    if kind == 'retry' then failures = failures + 1 end -- as RQ counts them
    if kind ~= 'requeue' then working = working + tonumber(ARGV[start + 4]) end
  end
end

for queue, entries in pairs(wip) do redis.call('ZREM', 'rq:wip:' .. queue, unpack(entries)) end
for queue, entries in pairs(finished) do
  redis.call('ZADD', 'rq:finished:' .. queue, unpack(entries))
end
if #registered > 0 then
  redis.call('DEL', unpack(keys))
  redis.call('SREM', 'rq:worker:' .. worker .. ':executions', unpack(registered))
end
if #done > 0 then redis.call('ZREM', 'rq:claims:' .. worker, unpack(done)) end
local key = 'rq:worker:' .. worker
if successes > 0 then redis.call('HINCRBY', key, 'successful_job_count', successes) end
if failures > 0 then redis.call('HINCRBY', key, 'failed_job_count', failures) end
if working > 0 then redis.call('HINCRBYFLOAT', key, 'total_working_time', working) end
return result
