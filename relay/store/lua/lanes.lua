-- Functions shared by the scripts that follow it: lanes, and pushing to a queue.
--
-- A lane holds the open records of one customer at one destination, delivered one at a time in the
-- order of acceptance (SQS calls this a message group). `relay:lane:<digest>` holds the id of its
-- last record, each record its lane's digest and the id of its `next`: entering costs one command, and leaving an
-- empty lane one per batch. Only the job of a lane's head is queued; the others are deferred.

-- The same states as OPEN_STATES in relay/model.py.
local function opens(state) return state == 'accepted' or state == 'retrying' end

local function is_open(id) return opens(redis.call('HGET', 'relay:record:' .. id, 'state')) end

-- Pushes a job, wakes an idle worker if the queue was empty, and returns the queue's length.
local function push(command, queue, job)
  local length = redis.call(command, 'rq:queue:' .. queue, job)
  if length == 1 and redis.call('EXISTS', 'relay:wakeup') == 0 then
    redis.call('LPUSH', 'relay:wakeup', 1)
  end
  return length
end

-- Appends the record to a lane: a digest, behind which there may be others by spaces, under older
-- keys, whose lane it takes over. Returns the id of the open record it must wait for, or nil. A
-- predecessor closed out of order is skipped through its `after` link (at most 100 hops).
local function enter(lane, id)
  local digest, older = lane, ''
  if string.find(lane, ' ', 1, true) then digest, older = string.match(lane, '^(%S*) (.*)$') end
  local last = redis.call('SET', 'relay:lane:' .. digest, id, 'GET')
  for each in string.gmatch(older, '%S+') do
    last = redis.call('GETDEL', 'relay:lane:' .. each) or last
  end
  for _ = 1, 100 do
    if not last or last == id then return nil end
    local state, after = unpack(redis.call('HMGET', 'relay:record:' .. last, 'state', 'after'))
    if opens(state) then
      redis.call('HSET', 'relay:record:' .. last, 'next', id)
      redis.call('HSET', 'relay:record:' .. id, 'after', last)
      return last
    end
    last = after
  end
end

-- Queues the job of a record whose predecessor has left the lane; `now` is unix s, `iso` the same
-- in RQ's notation. It goes to the front, because it was accepted long ago, but behind a first job
-- that was accepted earlier: otherwise a customer with many events would overtake all others.
local function release(id, now, iso)
  if not is_open(id) then -- closed out of order, as by a late answer: release its follower
    local follower = redis.call('HGET', 'relay:record:' .. id, 'next')
    if not follower or follower == '' then return end
    redis.call('HSET', 'relay:record:' .. id, 'next', '')
    return release(follower, now, iso)
  end
  local job = redis.call('HGET', 'relay:record:' .. id, 'job') or id
  redis.call('HDEL', 'relay:record:' .. id, 'after')
  local queue = redis.call('HGET', 'rq:job:' .. job, 'origin')
  redis.call('ZADD', 'relay:open', 'XX', queue and now + 60 or now, id)
  if not queue then return end -- the job is lost; the sweep creates another
  redis.call('ZREM', 'rq:deferred:' .. queue, job)
  redis.call('HSET', 'rq:job:' .. job, 'status', 'queued', 'enqueued_at', iso)
  local first = redis.call('LINDEX', 'rq:queue:' .. queue, 0)
  if first and first < job then -- job ids begin with the time of acceptance
    redis.call('LINSERT', 'rq:queue:' .. queue, 'AFTER', first, job)
  else
    push('LPUSH', queue, job)
  end
end
