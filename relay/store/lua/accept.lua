-- Store every item of a webhook request, or none.
--
-- After clock.lua, schema.lua, lanes.lua, lists.lua, find.lua and starting.lua.
--
-- KEYS open, counts, ignored, queues, schema
-- ARGV backlog limit, check in (s), source, number of calls, ignored entries to keep, queue, now
--      (RQ's notation), job timeout (s), result TTL (s), failure TTL (s), number of the format,
--      number of parts to hold, most of them a source may have, and in MessagePack two lists:
--      resource keys, each with the version of it that was read; and the events, each with
--        keys      seen keys
--        lives     the life (s) of each
--        memory    key, life (s) and fields of what is remembered of the thing; absent for no news
--        parts     each of a kind:
--          call      id, find (digests to find it by), lanes (digests), data and description of the
--                    job, fields of the record
--          held      id, find, state, reason, fields, due_in (the key of those that somebody looks
--                    up or works off, or '')
--          ignored   fields of the stream's entry, reason
--          waiting   entries, due_at (unix s), event_at (unix s), fields of the entry
--          ended     entries, life (s) of the mark that it is ended
--          known     nothing more, for what the thing's memory has already
--      Fields are names and values in turn.
--      Then the id of the record that awaits a look-up and that the first part takes the place of,
--      or ''.
-- Returns 'redis_schema', 'backlog_full', 'held_full', 'moved' where a version is another by now,
-- 'replaced' where the record does not await a look-up any more, or status and record id of each
-- part in turn; of a duplicate the id of the earlier record, of a part without a record ''. An
-- event is a duplicate, with all its parts, when any of its keys is remembered; then none is set,
-- otherwise all are. A record that is held counts those of it.
-- Keys of records, lanes and jobs are not declared in KEYS: neither RQ nor we run on a cluster.
local format = schema(KEYS[5])
if format ~= '' and format ~= ARGV[11] then return 'redis_schema' end
if redis.call('ZCARD', KEYS[1]) + tonumber(ARGV[4]) > tonumber(ARGV[1]) then
  return 'backlog_full'
end
local queue, result, counts = ARGV[6], {}, {}
if tonumber(ARGV[12]) > 0 or redis.call('ZCARD', 'relay:list:dead:' .. ARGV[3]) >= tonumber(ARGV[13]) then
  local waiting = tonumber(ARGV[12])
  for state in pairs(by_cause) do
    waiting = waiting + redis.call('ZCARD', 'relay:list:' .. state .. ':' .. ARGV[3])
  end
  if waiting > tonumber(ARGV[13]) or tonumber(ARGV[12]) == 0 then return 'held_full' end
end
local versions, events = unpack(cmsgpack.unpack(ARGV[14]))
for _, each in ipairs(versions) do
  if tonumber(redis.call('HGET', each[1], 'v') or 0) ~= each[2] then return 'moved' end
end
local replaced = ARGV[15]
if replaced ~= '' then
  local key = 'relay:record:' .. replaced
  local state, reason, digests = unpack(redis.call('HMGET', key, 'state', 'reason', 'digests'))
  if state ~= 'awaiting_lookup' then return 'replaced' end
  for digest in string.gmatch(string.match(digests or '', '^%S*(.*)$'), '%S+') do
    local set, member = found_as(digest, replaced)
    redis.call('ZREM', set, member)
  end
  redis.call('ZREM', 'relay:state:awaiting_lookup', replaced)
  redis.call('ZREM', 'relay:lookups', replaced)
  unlist(replaced, state, ARGV[3], reason)
  redis.call('DEL', key)
end
if events[1] and format == '' then redis.call('SET', KEYS[5], ARGV[11]) end

local job = { queue = queue, now = now, iso = ARGV[7], check_at = now + ARGV[2],
  timeout = ARGV[8], result_ttl = ARGV[9], failure_ttl = ARGV[10] }

-- Sets the keys of an event to the id. Returns the id that any of them holds already, and sets none
-- then.
local function remember(keys, lives, id)
  if #keys == 0 then return nil end
  if #keys == 1 then -- in one command
    local is_new = redis.call('SET', keys[1], id, 'EX', lives[1], 'NX')
    return not is_new and redis.call('GET', keys[1]) or nil
  end
  for _, earlier in ipairs(redis.call('MGET', unpack(keys))) do
    if earlier then return earlier end
  end
  for i, key in ipairs(keys) do redis.call('SET', key, id, 'EX', lives[i]) end
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

local function wait(part)
  local entry = take_over(part.entries)
  local ended, latest = unpack(redis.call('HMGET', entry, 'ended', 'at'))
  if ended or tonumber(latest or '0') > part.event_at then return end
  redis.call('DEL', entry)
  redis.call('HSET', entry, 'at', part.event_at, unpack(part.fields))
  redis.call('ZADD', 'relay:waiting', part.due_at, entry)
end

local function end_waiting(part)
  local entry = take_over(part.entries)
  redis.call('DEL', entry)
  redis.call('HSET', entry, 'ended', 1)
  redis.call('EXPIRE', entry, part.life)
  redis.call('ZREM', 'relay:waiting', entry)
end

local function store(part)
  local kind = part.kind
  if kind == 'waiting' then
    wait(part)
    return kind, ''
  elseif kind == 'ended' then
    end_waiting(part)
    return kind, ''
  end
  if kind == 'known' then return 'duplicate', '' end
  if kind == 'ignored' then
    local by_reason = 'ignored:' .. part.reason
    counts[by_reason] = (counts[by_reason] or 0) + 1
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], '*', unpack(part.fields))
    return kind, ''
  end
  local id = part.id
  redis.call('HSET', 'relay:record:' .. id, unpack(part.fields))
  for _, digest in ipairs(part.find) do
    local set, member = found_as(digest, id)
    redis.call('ZADD', set, '0', member)
  end
  if kind == 'held' then
    redis.call('ZADD', 'relay:state:' .. part.state, now, id)
    if part.due_in ~= '' then redis.call('ZADD', part.due_in, now, id) end
    list(id, part.state, ARGV[3], part.reason)
    return part.state, id
  end
  list(id, 'accepted', ARGV[3])
  job.data, job.description = part.data, part.description
  start(id, part.lanes, job)
  return 'accepted', id
end

local function count_repeat(id)
  local key = 'relay:record:' .. id
  if redis.call('HGET', key, 'state') == 'held' then redis.call('HINCRBY', key, 'repeats', 1) end
end

for _, event in ipairs(events) do
  local known = remember(event.keys, event.lives, (event.parts[1] or {}).id or '')
  local memory = event.memory
  if memory and not known then
    redis.call('HSET', memory.key, unpack(memory.fields))
    redis.call('EXPIRE', memory.key, memory.life)
  end
  for _, part in ipairs(event.parts) do
    local status, id = 'duplicate', known
    if not known then
      status, id = store(part)
    elseif part.kind == 'held' then
      count_repeat(known)
    end
    if part.kind ~= 'ended' then counts[status] = (counts[status] or 0) + 1 end
    result[#result + 1] = status
    result[#result + 1] = id
  end
end
write_lists()
if counts.accepted then redis.call('SADD', KEYS[4], 'rq:queue:' .. queue) end
for status, n in pairs(counts) do redis.call('HINCRBY', KEYS[2], ARGV[3] .. ':' .. status, n) end
return result
