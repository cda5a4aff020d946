-- Take jobs for a worker, as many as it has room for and as the valves of their queues let through.
-- After clock.lua, token_bucket.lua and lease.lua.
--
-- ARGV worker, lease (s), now as RQ writes it, room, prefix of execution ids, number of the first,
--      life of an entry among the started (s), 1 for equal shares, bell or '', trial (s),
--      then per group of queues: valve or '', rate (/s), cap, limit, number of queues, names
-- Returns 'suspended', or how long to wait for pace and for a shut valve (s, '' for neither), how
-- each group's valve stands ('' is at rest), and of each job: queue, id, execution id, its hash.
local worker, iso, room = ARGV[1], ARGV[3], tonumber(ARGV[4])
local probe_interval_s = tonumber(ARGV[10])
renew(worker, ARGV[2])
if redis.call('EXISTS', 'rq:suspended') == 1 then return 'suspended' end

-- A valve is a hash: tokens as of `at`, a `rate` while slowed down, `shut` until when, and
-- `trial` while only one job at a time may try whether things are well again.
local function look(group)
  if group.throttle == '' then return end
  local v = redis.call('HMGET', group.throttle, 'tokens', 'at', 'rate', 'open_until', 'half_open',
    'failures')
  group.rate = math.min(group.rate, tonumber(v[3]) or group.rate)
  if (tonumber(v[2]) or 0) > now then -- written by the clock of the Redis before this one
    redis.call('HSET', group.throttle, 'at', string.format('%.6f', now))
  end
  group.tokens = refilled(v[1], v[2], group.rate)
  group.open_until, group.half_open = tonumber(v[4]) or 0, v[5] or ''
  group.state = group.half_open ~= '' and group.half_open
    or (v[3] or v[4] or v[6]) and 'degraded' or ''
  local most = math.max(0, math.floor(group.tokens))
  if group.cap > 0 then
    local running = 0
    for _, queue in ipairs(group.queues) do
      running = running + redis.call('ZCARD', 'rq:wip:' .. queue)
    end
    most = math.min(most, group.cap - running)
  end
  if group.half_open ~= '' then most = math.min(most, 1) end
  if group.open_until > now then most = 0 end
  group.limit = math.min(group.limit, most)
end

local groups, live, i = {}, {}, 11
while ARGV[i] do
  local group = {
    throttle = ARGV[i], rate = tonumber(ARGV[i + 1]), cap = tonumber(ARGV[i + 2]),
    limit = tonumber(ARGV[i + 3]), queues = {}, state = '', taken = 0,
  }
  local n = tonumber(ARGV[i + 4])
  for j = i + 5, i + 4 + n do group.queues[#group.queues + 1] = ARGV[j] end
  look(group)
  groups[#groups + 1] = group
  group.live = group.limit > 0 and n or 0
  for _, queue in ipairs(group.queues) do
    if group.limit > 0 then live[#live + 1] = { name = queue, group = group } end
  end
  i = i + 5 + n
end

-- What there is room for is shared among all queues, and what a valve lets through among its own;
-- what one of them does not use up, those that have more share again.
local function share(whole, among)
  return ARGV[8] == '1' and math.max(1, math.floor(whole / among)) or whole
end

local function holds(hash, field)
  for at = 1, #hash, 2 do
    if hash[at] == field then return true end
  end
end

-- From the head of a queue; jobs that were deleted since count for nothing, and may be many.
local gone = 0
local function pop(queue, n)
  local found = {}
  while #found < n and gone < 1000 do
    local wanted = n - #found
    local ids = redis.call('LPOP', 'rq:queue:' .. queue, wanted) or {}
    for _, id in ipairs(ids) do
      local hash = redis.call('HGETALL', 'rq:job:' .. id)
      if holds(hash, 'data') then found[#found + 1] = { id, hash } else gone = gone + 1 end
    end
    if #ids < wanted then break end
  end
  return found
end

local taken = {}
while room > 0 and #live > 0 do
  local each, more = share(room, #live), {}
  for _, group in ipairs(groups) do
    group.share = share(group.limit - group.taken, math.max(1, group.live))
    group.live = 0
  end
  for _, queue in ipairs(live) do
    local group = queue.group
    local n = math.min(each, group.share, room, group.limit - group.taken)
    local found = n > 0 and pop(queue.name, n) or {}
    for _, job in ipairs(found) do taken[#taken + 1] = { queue.name, unpack(job) } end
    room = room - #found
    group.taken = group.taken + #found
    if n > 0 and #found == n then
      more[#more + 1] = queue
      group.live = group.live + 1
    end
  end
  live = more
end

local jobs, wip, claims = {}, {}, {}
local number, till = tonumber(ARGV[6]), now + tonumber(ARGV[7])
for at, found in ipairs(taken) do
  local queue, id, hash = unpack(found)
  local execution = ARGV[5] .. (number + at)
  -- It may have been given a life as a job that waits, or as one that had ended.
  if holds(hash, 'ttl') or holds(hash, 'ended_at') then redis.call('PERSIST', 'rq:job:' .. id) end
  redis.call('HSET', 'rq:job:' .. id, 'status', 'started', 'started_at', iso,
    'last_heartbeat', iso, 'worker_name', worker)
  wip[queue] = wip[queue] or {}
  table.insert(wip[queue], till)
  table.insert(wip[queue], id .. ':' .. execution)
  table.insert(claims, now + at / 1e6)
  table.insert(claims, id .. ':' .. execution)
  jobs[#jobs + 1] = { queue, id, execution, hash }
end
for queue, entries in pairs(wip) do redis.call('ZADD', 'rq:wip:' .. queue, unpack(entries)) end
if #claims > 0 then redis.call('ZADD', 'rq:claims:' .. worker, unpack(claims)) end

local pace, shut, states = nil, nil, {}
for _, group in ipairs(groups) do
  states[#states + 1] = group.state
  if group.throttle ~= '' then
    if group.taken > 0 then
      local left = group.tokens - group.taken
      redis.call('HSET', group.throttle, 'tokens', string.format('%.6f', left),
        'at', string.format('%.6f', now))
      group.tokens = left
      if group.half_open ~= '' then redis.call('HSET', group.throttle, 'open_until', now + probe_interval_s) end
    end
    local wait, closed = nil, group.open_until > now
    if closed then
      wait = group.open_until - now
    elseif group.tokens < 1 and group.half_open == '' then
      wait = token_wait_s(group.tokens, group.rate)
    end
    if wait then
      local keys = {}
      for _, queue in ipairs(group.queues) do keys[#keys + 1] = 'rq:queue:' .. queue end
      if redis.call('EXISTS', unpack(keys)) > 0 then
        if closed then shut = math.min(shut or wait, wait) else pace = math.min(pace or wait, wait) end
      end
    end
  end
end
-- All that may go now is taken. Without room for it the bell stays, for others to look.
if room > 0 and ARGV[9] ~= '' then redis.call('DEL', ARGV[9]) end
return { tostring(pace or ''), tostring(shut or ''), states, jobs }
