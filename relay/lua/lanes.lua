-- A lane is a customer's events at one destination, one at a time in the order accepted.
--
-- `relay:lane:<...>` holds the id of the last record in it, and each record the id of its `next`:
-- entering costs one command, and leaving an empty lane one a batch. Only the head of a lane has
-- its job in the queue; the jobs of the others are deferred.

local function opens(state) return state == 'accepted' or state == 'retrying' end

local function is_open(id) return opens(redis.call('HGET', 'relay:record:' .. id, 'state')) end

-- A worker that waits looks at the bell, which rings when a queue has ceased to be empty.
local function push(side, queue, job)
  local length = redis.call(side, 'rq:queue:' .. queue, job)
  if length == 1 and redis.call('EXISTS', 'relay:wakeup') == 0 then redis.call('LPUSH', 'relay:wakeup', 1) end
  return length
end

-- Whom the record has to wait for, nil when it is the head. Who was settled out of turn still says
-- `after` whom.
local function enter(lane, id)
  local last = redis.call('SET', lane, id, 'GET')
  for _ = 1, 100 do
    if not last or last == id then return nil end
    local was = redis.call('HMGET', 'relay:record:' .. last, 'state', 'after')
    if opens(was[1]) then
      redis.call('HSET', 'relay:record:' .. last, 'next', id)
      redis.call('HSET', 'relay:record:' .. id, 'after', last)
      return last
    end
    last = was[2]
  end
end

-- The head has left: its follower's turn has come. In front, since it was accepted long ago; but
-- behind who is first there and was accepted before it, or a customer with many events would
-- overtake everybody.
local function release(id, now, iso)
  if not is_open(id) then -- settled out of turn, as by an answer that came late
    local follower = redis.call('HGET', 'relay:record:' .. id, 'next')
    if not follower or follower == '' then return end
    redis.call('HSET', 'relay:record:' .. id, 'next', '')
    return release(follower, now, iso)
  end
  local job = redis.call('HGET', 'relay:record:' .. id, 'job') or id
  redis.call('HDEL', 'relay:record:' .. id, 'after')
  local queue = redis.call('HGET', 'rq:job:' .. job, 'origin')
  redis.call('ZADD', 'relay:open', 'XX', queue and now + 60 or now, id)
  if not queue then return end -- the sweep gives it a new job
  redis.call('ZREM', 'rq:deferred:' .. queue, job)
  redis.call('HSET', 'rq:job:' .. job, 'status', 'queued', 'enqueued_at', iso)
  local first = redis.call('LINDEX', 'rq:queue:' .. queue, 0)
  if first and first < job then
    redis.call('LINSERT', 'rq:queue:' .. queue, 'AFTER', first, job)
  else
    push('LPUSH', queue, job)
  end
end
