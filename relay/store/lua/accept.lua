-- Store every item of a webhook request, or none.
--
-- After clock.lua, schema.lua, lanes.lua, lists.lua, find.lua and starting.lua.
--
-- KEYS open, counts, ignored, queues, schema
-- ARGV[1] values in MessagePack, one after another: backlog limit, check in (s), source, number of
--      calls, ignored entries to keep, queue, now (RQ's notation), job timeout (s), result TTL (s),
--      failure TTL (s), number of the format, number of parts to hold, most of them a source may
--      have, id of the record that awaits a look-up and that the first part takes the place of (or
--      ''); resource keys, each followed by the version of it that was read; and the events, each
--        seen      seen keys, each followed by the id to remember
--        lives     the life (s) of each
--        memory    key, life (s) and fields of what is remembered of the thing; '' for no news
--        parts     each of a kind:
--          call      id, fields of the record, find (digests to find it by), lanes (digests), data
--                    and description of the job
--          held      id, fields, find, state, reason, due_in (the key of those that somebody looks
--                    up or works off, or '')
--          ignored   reason, fields of the stream's entry
--          waiting   entries, due_at (unix s), event_at (unix s), fields of the entry
--          ended     entries, life (s) of the mark that it is ended
--          known     nothing more, for what the thing's memory has already
--      Events, memories, parts and fields (names and values in turn) are each a text of values in
--      MessagePack: unpacked where they are used, they take no table, which is what costs most.
-- Returns 'redis_schema', 'backlog_full', 'held_full', 'moved' where a version is another by now,
-- 'replaced' where the record does not await a look-up any more, or status and record id of each
-- part in turn; of a duplicate the id of the earlier record, of a part without a record ''. An
-- event is a duplicate, with all its parts, when any of its keys is remembered; then none is set,
-- otherwise all are. A record that is held counts those of it.
-- Keys of records, lanes and jobs are not declared in KEYS: neither RQ nor we run on a cluster.
local backlog_max, check_in, source, call_count, ignored_max, queue, iso, timeout, result_ttl,
  failure_ttl, format, held_count, held_max, replaced, versions, events = cmsgpack.unpack(ARGV[1])
local found_format = schema(KEYS[5])
if found_format ~= '' and found_format ~= format then return 'redis_schema' end
if redis.call('ZCARD', KEYS[1]) + call_count > backlog_max then return 'backlog_full' end
local result, counts = {}, {}
if held_count > 0 or redis.call('ZCARD', 'relay:list:dead:' .. source) >= held_max then
  local waiting = held_count
  for state in pairs(by_cause) do
    waiting = waiting + redis.call('ZCARD', 'relay:list:' .. state .. ':' .. source)
  end
  if waiting > held_max or held_count == 0 then return 'held_full' end
end
for i = 1, #versions, 2 do
  local version = redis.call('HGET', versions[i], 'v')
  if tonumber(version or 0) ~= versions[i + 1] then return 'moved' end
end
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
  unlist(replaced, state, source, reason)
  redis.call('DEL', key)
end
if events[1] and found_format == '' then redis.call('SET', KEYS[5], format) end

local job = { queue = queue, now = now, iso = iso, check_at = now + check_in, timeout = timeout,
  result_ttl = result_ttl, failure_ttl = failure_ttl }

-- Remembers an id under each key, or under none where any holds one already, which it returns then.
local function remember(seen, lives)
  if #seen == 0 then return nil end
  if #seen == 2 then -- in one command
    local is_new = redis.call('SET', seen[1], seen[2], 'EX', lives[1], 'NX')
    return not is_new and redis.call('GET', seen[1]) or nil
  end
  if redis.call('MSETNX', unpack(seen)) == 1 then
    for i, life in ipairs(lives) do redis.call('EXPIRE', seen[2 * i - 1], life) end
    return nil
  end
  for i = 1, #seen, 2 do
    local earlier = redis.call('GET', seen[i])
    if earlier then return earlier end
  end
end

-- One entry for each token: a later event replaces it, and an end is not forgotten for some days,
-- since an earlier event may still come. Behind the entry there may be others by spaces, under
-- older keys, which it stands for too.
local function take_over(entries)
  if not string.find(entries, ' ', 1, true) then return entries end
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

local function wait(entries, due_at, event_at, fields)
  local entry = take_over(entries)
  local ended, latest = unpack(redis.call('HMGET', entry, 'ended', 'at'))
  if ended or tonumber(latest or '0') > event_at then return end
  redis.call('DEL', entry)
  redis.call('HSET', entry, 'at', event_at, cmsgpack.unpack(fields))
  redis.call('ZADD', 'relay:waiting', due_at, entry)
end

local function end_waiting(entries, life)
  local entry = take_over(entries)
  if redis.call('ZREM', 'relay:waiting', entry) == 1 then redis.call('DEL', entry) end
  redis.call('HSET', entry, 'ended', '1')
  redis.call('EXPIRE', entry, life)
end

local function record(id, fields, find)
  redis.call('HSET', 'relay:record:' .. id, cmsgpack.unpack(fields))
  for _, digest in ipairs(find) do
    local set, member = found_as(digest, id)
    redis.call('ZADD', set, '0', member)
  end
end

local function call(id, fields, find, lanes, data, description)
  record(id, fields, find)
  list(id, 'accepted', source)
  job.data, job.description = data, description
  start(id, lanes, job)
  return 'accepted', id
end

local function hold(id, fields, find, state, reason, due_in)
  record(id, fields, find)
  redis.call('ZADD', 'relay:state:' .. state, now, id)
  if due_in ~= '' then redis.call('ZADD', due_in, now, id) end
  list(id, state, source, reason)
  return state, id
end

local function ignore(reason, fields)
  local by_reason = 'ignored:' .. reason
  counts[by_reason] = (counts[by_reason] or 0) + 1
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ignored_max, '*', cmsgpack.unpack(fields))
end

-- Returns status and record id. `known` is the id that the event is remembered with, nil if it is
-- new: a record that is held counts what comes again.
local function store(known, kind, ...)
  if known then
    if kind == 'ended' then return kind, '' end
    local key = 'relay:record:' .. known
    if kind == 'held' and redis.call('HGET', key, 'state') == 'held' then
      redis.call('HINCRBY', key, 'repeats', 1)
    end
    return 'duplicate', known
  end
  if kind == 'call' then return call(...) end
  if kind == 'held' then return hold(...) end
  if kind == 'known' then return 'duplicate', '' end
  if kind == 'ignored' then ignore(...) end
  if kind == 'waiting' then wait(...) end
  if kind == 'ended' then end_waiting(...) end
  return kind, ''
end

for _, event in ipairs(events) do
  local seen, lives, memory, parts = cmsgpack.unpack(event)
  local known = remember(seen, lives)
  if memory ~= '' and not known then
    local key, life, fields = cmsgpack.unpack(memory)
    redis.call('HSET', key, cmsgpack.unpack(fields))
    redis.call('EXPIRE', key, life)
  end
  for _, part in ipairs(parts) do
    local status, id = store(known, cmsgpack.unpack(part))
    if status ~= 'ended' then counts[status] = (counts[status] or 0) + 1 end
    result[#result + 1] = status
    result[#result + 1] = id
  end
end
write_lists()
if counts.accepted then redis.call('SADD', KEYS[4], 'rq:queue:' .. queue) end
for status, n in pairs(counts) do redis.call('HINCRBY', KEYS[2], source .. ':' .. status, n) end
return result
