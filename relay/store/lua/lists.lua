-- Functions shared by the scripts that follow it: the lists that events are shown from.
--
-- `relay:list:<state>:<source>` is a sorted set of record ids with equal scores, so in the order of
-- their ids, which begin with the time of acceptance. What waits for a person has a list by cause
-- too, `relay:list:<state>:<source>:<reason>`, and `relay:causes` has the names of those.

local by_cause = { held = true, dead = true, awaiting_lookup = true }
-- key -> { '0', id, '0', id, ... } to add; key -> { id, ... } to remove
local to_list, to_unlist = {}, {}

local function later(todo, key, first, second)
  local row = todo[key]
  if not row then
    todo[key] = { first, second }
    return
  end
  row[#row + 1] = first
  row[#row + 1] = second
end

local function list(id, state, source, reason)
  local key = 'relay:list:' .. state .. ':' .. source
  later(to_list, key, '0', id)
  if by_cause[state] then
    local cause = state .. ':' .. source .. ':' .. (reason or '')
    later(to_list, 'relay:list:' .. cause, '0', id)
    redis.call('ZADD', 'relay:causes', 0, cause)
  end
end

local function unlist(id, state, source, reason)
  local key = 'relay:list:' .. state .. ':' .. source
  later(to_unlist, key, id)
  if by_cause[state] then later(to_unlist, key .. ':' .. (reason or ''), id) end
end

-- One command for each list and up to 1,000 ids; at the end of a script.
local function write_lists()
  for key, ids in pairs(to_unlist) do
    for i = 1, #ids, 1000 do
      redis.call('ZREM', key, unpack(ids, i, math.min(i + 999, #ids)))
    end
  end
  for key, pairs_of_key in pairs(to_list) do
    for i = 1, #pairs_of_key, 2000 do
      redis.call('ZADD', key, unpack(pairs_of_key, i, math.min(i + 1999, #pairs_of_key)))
    end
  end
end
