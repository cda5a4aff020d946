-- Claims jobs for a worker: as many as it has capacity for and as the rate limits of their queues
-- allow. After clock.lua, token_bucket.lua and lease.lua.
--
-- ARGV worker, lease (s), now as RQ writes it, capacity, prefix of execution ids, number of the
--      first, life of an entry in the started registry (s), 1 for equal shares, wake-up key or '',
--      probe interval (s), then per group of queues: throttle hash or '', rate (/s), cap, limit,
--      number of queues, their names
-- Returns 'suspended', or the seconds to wait for a token and for an open rate limit ('' for
-- neither), each group's state ('', 'degraded' or why it is half open), and of each job: queue, id,
-- execution id, its hash, 1 if it has dependents.
local worker, iso, capacity = ARGV[1], ARGV[3], tonumber(ARGV[4])
local probe_interval_s = tonumber(ARGV[10])
renew(worker, ARGV[2])
if redis.call('EXISTS', 'rq:suspended') == 1 then return 'suspended' end

-- Reads a group's rate limit and lowers the group's own limit to what it allows. The hash has
-- `tokens` as of `at`, `rate` while slowed down, `open_until` (s), and `half_open` (a reason) while
-- one job at a time is let through as a probe.
local function apply_rate_limit(group)
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
    limit = tonumber(ARGV[i + 3]), queues = {}, state = '', claimed = 0,
  }
  local n = tonumber(ARGV[i + 4])
  for j = i + 5, i + 4 + n do group.queues[#group.queues + 1] = ARGV[j] end
  apply_rate_limit(group)
  groups[#groups + 1] = group
  group.live = group.limit > 0 and n or 0
  for _, queue in ipairs(group.queues) do
    if group.limit > 0 then live[#live + 1] = { name = queue, group = group } end
  end
  i = i + 5 + n
end

-- The capacity is shared among all queues, and what a rate limit allows among its own. What a queue
-- does not use up is shared again among those that have more.
local function share(whole, among)
  return ARGV[8] == '1' and math.max(1, math.floor(whole / among)) or whole
end

local function has(hash, field)
  for at = 1, #hash, 2 do
    if hash[at] == field then return true end
  end
end

-- From the head of a queue. Ids of deleted jobs are skipped, up to 1000 of them in one claim.
local deleted = 0
local function pop(queue, n)
  local batch = {}
  while #batch < n and deleted < 1000 do
    local missing = n - #batch
    local ids = redis.call('LPOP', 'rq:queue:' .. queue, missing) or {}
    for _, id in ipairs(ids) do
      local hash = redis.call('HGETALL', 'rq:job:' .. id)
      if has(hash, 'data') then batch[#batch + 1] = { id, hash } else deleted = deleted + 1 end
    end
    if #ids < missing then break end
  end
  return batch
end

local claimed = {}
while capacity > 0 and #live > 0 do
  local each, more = share(capacity, #live), {}
  for _, group in ipairs(groups) do
    group.share = share(group.limit - group.claimed, math.max(1, group.live))
    group.live = 0
  end
  for _, queue in ipairs(live) do
    local group = queue.group
    local n = math.min(each, group.share, capacity, group.limit - group.claimed)
    local batch = n > 0 and pop(queue.name, n) or {}
    for _, job in ipairs(batch) do claimed[#claimed + 1] = { queue.name, unpack(job) } end
    capacity = capacity - #batch
    group.claimed = group.claimed + #batch
    if n > 0 and #batch == n then
      more[#more + 1] = queue
      group.live = group.live + 1
    end
  end
  live = more
end

local jobs, wip, claims, dependents = {}, {}, {}, {}
local number, till = tonumber(ARGV[6]), now + tonumber(ARGV[7])
for at, job in ipairs(claimed) do
  local queue, id, hash = unpack(job)
  local execution = ARGV[5] .. (number + at)
  -- Requeued after it had ended, it may still expire as a result does.
  if has(hash, 'ended_at') then redis.call('PERSIST', 'rq:job:' .. id) end
  redis.call('HSET', 'rq:job:' .. id, 'status', 'started', 'started_at', iso,
    'last_heartbeat', iso, 'worker_name', worker)
  wip[queue] = wip[queue] or {}
  table.insert(wip[queue], till)
  table.insert(wip[queue], id .. ':' .. execution)
  table.insert(claims, now + at / 1e6)
  table.insert(claims, id .. ':' .. execution)
  jobs[#jobs + 1] = { queue, id, execution, hash, 0 }
  dependents[#dependents + 1] = 'rq:job:' .. id .. ':dependents'
end
if #jobs > 0 and redis.call('EXISTS', unpack(dependents)) > 0 then
  for at, key in ipairs(dependents) do jobs[at][5] = redis.call('EXISTS', key) end
end
for queue, entries in pairs(wip) do redis.call('ZADD', 'rq:wip:' .. queue, unpack(entries)) end
if #claims > 0 then redis.call('ZADD', 'rq:claims:' .. worker, unpack(claims)) end

local token_wait, open_for, states = nil, nil, {}
for _, group in ipairs(groups) do
  states[#states + 1] = group.state
  if group.throttle ~= '' then
    if group.claimed > 0 then
      local left = group.tokens - group.claimed
      redis.call('HSET', group.throttle, 'tokens', string.format('%.6f', left),
        'at', string.format('%.6f', now))
      group.tokens = left
      if group.half_open ~= '' then
        redis.call('HSET', group.throttle, 'open_until', now + probe_interval_s)
      end
    end
    local wait, open = nil, group.open_until > now
    if open then
      wait = group.open_until - now
    elseif group.tokens < 1 and group.half_open == '' then
      wait = token_wait_s(group.tokens, group.rate)
    end
    if wait then
      local keys = {}
      for _, queue in ipairs(group.queues) do keys[#keys + 1] = 'rq:queue:' .. queue end
      if redis.call('EXISTS', unpack(keys)) > 0 then
        if open then
          open_for = math.min(open_for or wait, wait)
        else
          token_wait = math.min(token_wait or wait, wait)
        end
      end
    end
  end
end
-- All that may be claimed now is. Without capacity for it the wake-up stays for other workers.
if capacity > 0 and ARGV[9] ~= '' then redis.call('DEL', ARGV[9]) end
return { tostring(token_wait or ''), tostring(open_for or ''), states, jobs }
