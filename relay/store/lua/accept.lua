-- Store every item of a webhook request, or none.
--
-- After schema.lua, lanes.lua, lists.lua and starting.lua.
--
-- KEYS open, counts, ignored, queues, schema
-- ARGV now (unix s), backlog limit, check at (unix s), source, number of calls, ignored entries to
--      keep, queue, now (RQ's notation), job timeout (s), result TTL (s), failure TTL (s), number of
--      the format, number of parts to hold, most of them a source may have; n, n times resource key and the version of it that was read; then per event:
--      n, n times seen key and its life (s); n, resource key, life (s) and n - 2 fields of what is
--      remembered of the thing, or 0; n, n parts, each one of:
--        'call'    record id, digests to find it by, lane digests, job data, job description, n,
--                  n record fields
--        'held'    record id, digests to find it by, state, reason, n, n record fields
--        'ignored' n, n stream fields, the last value of which is the reason
--        'waiting' entries, due at (unix s), time of the event (unix s), n, n entry fields
--        'ended'   entries, life of the mark that it is ended (s), 0
--        'known'   0, for what the thing's memory has already
-- Returns 'redis_schema', 'backlog_full', 'held_full', 'moved' where a version is another by now, or
-- status and record id of each part in turn; of a duplicate the id of the earlier record, of a part
-- without a record ''. An event is a duplicate, with all
-- its parts, when any of its keys is remembered; then none is set, otherwise all are.
-- Keys of records, lanes and jobs are not declared in KEYS: neither RQ nor we run on a cluster.
local format = schema(KEYS[5])
if format ~= '' and format ~= ARGV[12] then return 'redis_schema' end
if redis.call('ZCARD', KEYS[1]) + tonumber(ARGV[5]) > tonumber(ARGV[2]) then
  return 'backlog_full'
end
local queue, result, counts, i = ARGV[7], {}, {}, 16 + 2 * tonumber(ARGV[15])
if tonumber(ARGV[13]) > 0 or redis.call('ZCARD', 'relay:list:dead:' .. ARGV[4]) >= tonumber(ARGV[14]) then
  local waiting = tonumber(ARGV[13])
  for state in pairs(by_cause) do
    waiting = waiting + redis.call('ZCARD', 'relay:list:' .. state .. ':' .. ARGV[4])
  end
  if waiting > tonumber(ARGV[14]) or tonumber(ARGV[13]) == 0 then return 'held_full' end
end
for at = 16, i - 1, 2 do
  if (redis.call('HGET', ARGV[at], 'v') or '0') ~= ARGV[at + 1] then return 'moved' end
end
if ARGV[i] and format == '' then redis.call('SET', KEYS[5], ARGV[12]) end

-- The number of arguments of a part before its fields.
local heads = { call = 6, held = 5, ignored = 1, waiting = 4, ended = 3, known = 1 }

local function write_record(key, n_at)
  redis.call('HSET', key, unpack(ARGV, n_at + 1, n_at + tonumber(ARGV[n_at])))
end

local job = { queue = queue, now = ARGV[1], iso = ARGV[8], check_at = tonumber(ARGV[3]),
  timeout = ARGV[9], result_ttl = ARGV[10], failure_ttl = ARGV[11] }

-- Sets the keys of an event, whose pairs are the arguments from `first` to `last`, to the id.
-- Returns the id that any of them holds already, and sets none then.
local function remember(first, last, id)
  if first > last then return nil end
  if first + 1 == last then -- the usual one key, in one command
    local is_new = redis.call('SET', ARGV[first], id, 'EX', ARGV[last], 'NX')
    return not is_new and redis.call('GET', ARGV[first]) or nil
  end
  for at = first, last, 2 do
    local earlier = redis.call('GET', ARGV[at])
    if earlier then return earlier end
  end
  for at = first, last, 2 do redis.call('SET', ARGV[at], id, 'EX', ARGV[at + 1]) end
end

-- One entry for each token: a later event replaces it, and an end is not forgotten for some days,
-- since an earlier event may still come. Behind the entry there may be others by spaces, under
-- older keys, which it stands for too.
local function take_over(entries)
  local entry, older = string.match(entries, '^(%S+) ?(.*)$')
  for each in string.gmatch(older, '%S+') do
    if redis.call('EXISTS', entry) == 0 and redis.call('EXISTS', each) == 1 then
      local due_at = redis.call('ZSCORE', 'relay:waiting', each)
      redis.call('RENAME', each, entry)
      if due_at then redis.call('ZADD', 'relay:waiting', due_at, entry) end
    end
    redis.call('DEL', each)
    redis.call('ZREM', 'relay:waiting', each)
  end
  return entry
end

local function wait(at, n_at)
  local entry, due_at, event_at = take_over(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3]
  local ended, latest = unpack(redis.call('HMGET', entry, 'ended', 'at'))
  if ended or tonumber(latest or '0') > tonumber(event_at) then return end
  redis.call('DEL', entry)
  redis.call('HSET', entry, 'at', event_at, unpack(ARGV, n_at + 1, n_at + tonumber(ARGV[n_at])))
  redis.call('ZADD', 'relay:waiting', due_at, entry)
end

local function end_waiting(at)
  local entry = take_over(ARGV[at + 1])
  redis.call('DEL', entry)
  redis.call('HSET', entry, 'ended', 1)
  redis.call('EXPIRE', entry, ARGV[at + 2])
  redis.call('ZREM', 'relay:waiting', entry)
end

local function store(kind, at, n_at)
  if kind == 'waiting' then
    wait(at, n_at)
    return kind, ''
  elseif kind == 'ended' then
    end_waiting(at)
    return kind, ''
  end
  if kind == 'known' then return 'duplicate', '' end
  if kind == 'ignored' then
    local by_reason = 'ignored:' .. ARGV[n_at + tonumber(ARGV[n_at])]
    counts[by_reason] = (counts[by_reason] or 0) + 1
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*',
      unpack(ARGV, n_at + 1, n_at + tonumber(ARGV[n_at])))
    return kind, ''
  end
  local id = ARGV[at + 1]
  write_record('relay:record:' .. id, n_at)
  for digest in string.gmatch(ARGV[at + 2], '%S+') do
    redis.call('ZADD', 'relay:find:' .. string.sub(digest, 1, 2), 0, digest .. ':' .. id)
  end
  if kind == 'held' then
    redis.call('ZADD', 'relay:state:' .. ARGV[at + 3], ARGV[1], id)
    list(id, ARGV[at + 3], ARGV[4], ARGV[at + 4])
    return ARGV[at + 3], id
  end
  list(id, 'accepted', ARGV[4])
  job.data, job.description = ARGV[at + 4], ARGV[at + 5]
  start(id, ARGV[at + 3], job)
  return 'accepted', id
end

while ARGV[i] do
  local first, last = i + 1, i + 2 * tonumber(ARGV[i])
  local memory_at, memory_size = last + 1, tonumber(ARGV[last + 1])
  i = memory_at + memory_size + 2 -- the first part
  local known = remember(first, last, ARGV[i + 1])
  if memory_size > 0 and not known then
    redis.call('HSET', ARGV[memory_at + 1], unpack(ARGV, memory_at + 3, memory_at + memory_size))
    redis.call('EXPIRE', ARGV[memory_at + 1], ARGV[memory_at + 2])
  end
  for _ = 1, tonumber(ARGV[i - 1]) do
    local kind = ARGV[i]
    local n_at = i + heads[kind]
    local status, id = 'duplicate', known
    if not known then status, id = store(kind, i, n_at) end
    if kind ~= 'ended' then counts[status] = (counts[status] or 0) + 1 end
    result[#result + 1] = status
    result[#result + 1] = id
    i = n_at + tonumber(ARGV[n_at]) + 1
  end
end
write_lists()
if counts.accepted then redis.call('SADD', KEYS[4], 'rq:queue:' .. queue) end
for status, n in pairs(counts) do redis.call('HINCRBY', KEYS[2], ARGV[4] .. ':' .. status, n) end
return result
