-- Write the outcomes of attempts to their records, release followers, update the indices.
--
-- After clock.lua, lanes.lua and lists.lua.
--
-- KEYS open
-- ARGV now (RQ's notation), keep for (s), log limit (bytes), then per attempt:
--      record id, run it belongs to, attempts when it began, attempts now, new state ('' for no
--      change), check in (s), 1 if the record leaves its lane or '', log entry or '',
--      reason, answer or '', source
-- Returns, per attempt, 1 if its outcome was written, 0 if another attempt was written since it
-- began or the record was replayed since. (A job given anew begins a run too, but is the same try.)
-- `delivered` is written however late it is reported, since Mercately has the event; but not when
-- the replay has mapped the event anew and sends another call. The log entry is kept in any case.
-- A full Redis refuses commands that need memory, except in a script that has already written. ZREM
-- needs none, so the script runs to its end; it frees memory.
redis.call('ZREM', KEYS[1], '')
local result, closed_ids, empty_lanes, members = {}, {}, {}, {}

local function append(log, entry)
  if not log then return entry end
  if string.sub(log, -#entry) == entry then return log end -- repeated after a lost answer
  log = log .. '\n' .. entry
  local excess = #log - tonumber(ARGV[3])
  return excess > 0 and string.sub(log, (string.find(log, '\n', excess, true) or 0) + 1) or log
end

for i = 4, #ARGV, 11 do
  local id, run, new_state, entry = ARGV[i], ARGV[i + 1], ARGV[i + 4], ARGV[i + 7]
  local record = 'relay:record:' .. id
  local state, replayed_in, mapped_in, attempts, old_log, follower, after, digests, old_reason,
    waits = unpack(redis.call('HMGET', record, 'state', 'replayed_in', 'mapped_in', 'attempts',
      'log', 'next', 'after', 'digests', 'reason', 'waits'))
  local open = opens(state)
  local is_current = open and tonumber(run) >= tonumber(replayed_in or '1')
    and (attempts or '0') == ARGV[i + 2]
  local is_delivery = new_state == 'delivered' and state and state ~= 'delivered'
    and tonumber(run) >= tonumber(mapped_in or '1')
  local log = entry ~= '' and state and append(old_log, entry) or nil
  if is_current or is_delivery then
    local fields = { 'attempts', ARGV[i + 3], 'reason', ARGV[i + 8] }
    local function set(name, value)
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
    if log then set('log', log) end
    if ARGV[i + 9] ~= '' then set('answer', ARGV[i + 9]) end
    if new_state ~= '' then
      set('state', new_state)
      if new_state ~= state then
        local source = ARGV[i + 10]
        if source == '' then -- the route could not be read whole; it begins with the source
          source = string.match(redis.call('HGET', record, 'route') or '', '^%["([^"]*)"') or ''
        end
        unlist(id, state, source, old_reason)
        list(id, new_state, source, ARGV[i + 8])
      end
    end
    local expires = new_state == 'delivered' or new_state == 'discarded'
    if new_state ~= '' and new_state ~= 'retrying' then
      set('settled_at', string.format('%.6f', now))
      closed_ids[#closed_ids + 1] = id
      members[new_state] = members[new_state] or {}
      -- What was held and is held again for the same reason has not begun to wait just now.
      local since, cause = string.match(waits or '', '^(.-):(.*)$')
      local is_again = new_state == 'held' and cause == ARGV[i + 8]
      table.insert(members[new_state], is_again and since or now)
      table.insert(members[new_state], id)
      if not open then redis.call('ZREM', 'relay:state:' .. state, id) end
    else
      redis.call('ZADD', KEYS[1], now + ARGV[i + 5], id)
    end
    if expires then set('payload', '') end
    -- `next == ''` marks a record that already released its follower (relaxed ordering). Only the
    -- lane head may release: a replayed record can be delivered by a late attempt while still
    -- queued behind another.
    local is_head = not (after and is_open(after))
    if open and is_head and digests and ARGV[i + 6] ~= '' and follower ~= '' then
      if follower then
        release(follower, now, ARGV[1])
      else
        empty_lanes[#empty_lanes + 1] = 'relay:lane:' .. string.match(digests, '^%S*')
      end
      set('next', '')
    end
    redis.call('HSET', record, unpack(fields))
    if expires then redis.call('EXPIRE', record, ARGV[2]) end
  elseif log and log ~= old_log then
    redis.call('HSET', record, 'log', log)
  end
  result[#result + 1] = (is_current or is_delivery) and 1 or 0
end
if #closed_ids > 0 then redis.call('ZREM', KEYS[1], unpack(closed_ids)) end
if #empty_lanes > 0 then redis.call('DEL', unpack(empty_lanes)) end
write_lists()
for state, pairs_of_state in pairs(members) do
  redis.call('ZADD', 'relay:state:' .. state, unpack(pairs_of_state))
end
return result
