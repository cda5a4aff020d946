-- Write down what attempts came to.
--
-- KEYS open
-- ARGV now, now as RQ writes it, keep for (s), log bytes kept, then per attempt:
--      id, attempts when it began, attempts now, new state ('' keeps it), look again at,
--      lane if it leaves it or '', entry for the log or '', reason, answer or ''
-- Returns 1 for each that was written, 0 where another had settled the record meanwhile.
redis.call('ZREM', KEYS[1], '') -- lets what follows through where Redis is full: it makes room
local now, result, gone, lanes, moved = tonumber(ARGV[1]), {}, {}, {}, {}

local function logged(log, entry)
  if not log then return entry end
  if string.sub(log, -#entry) == entry then return log end -- told twice, after a lost answer
  log = log .. '\n' .. entry
  local excess = #log - tonumber(ARGV[4])
  return excess > 0 and string.sub(log, (string.find(log, '\n', excess, true) or 0) + 1) or log
end

for i = 5, #ARGV, 9 do
  local id, new, entry, record = ARGV[i], ARGV[i + 3], ARGV[i + 6], 'relay:record:' .. ARGV[i]
  local was = redis.call('HMGET', record, 'state', 'attempts', 'log', 'next', 'after')
  local state = was[1]
  local open = opens(state)
  local ours = open and (was[2] or '0') == ARGV[i + 1]
  -- That Mercately has it is a fact, whoever says so and however late.
  local fact = new == 'delivered' and state and state ~= 'delivered'
  local log = entry ~= '' and state and logged(was[3], entry) or nil
  if ours or fact then
    local fields = { 'attempts', ARGV[i + 2], 'reason', ARGV[i + 7] }
    local function set(name, value)
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
    if log then set('log', log) end
    if ARGV[i + 8] ~= '' then set('answer', ARGV[i + 8]) end
    if new ~= '' then set('state', new) end
    local kept = new == 'delivered' or new == 'discarded'
    if new ~= '' and new ~= 'retrying' then
      set('settled_at', ARGV[1])
      gone[#gone + 1] = id
      moved[new] = moved[new] or {}
      table.insert(moved[new], now)
      table.insert(moved[new], id)
      if not open then redis.call('ZREM', 'relay:state:' .. state, id) end
    else
      redis.call('ZADD', KEYS[1], ARGV[i + 4], id)
    end
    if kept then set('delivery', '') end
    -- Who has let the next one pass is in no lane any more, and says so with an empty `next`.
    local follower, lane = was[4], ARGV[i + 5]
    -- Nor does who is not at its head: replayed behind another, and found to be delivered since.
    local heads = not (was[5] and is_open(was[5]))
    if open and heads and lane ~= '' and follower ~= '' then
      if follower then
        release(follower, now, ARGV[2])
      else
        lanes[#lanes + 1] = lane
      end
      set('next', '')
    end
    redis.call('HSET', record, unpack(fields))
    if kept then redis.call('EXPIRE', record, ARGV[3]) end
  elseif log and log ~= was[3] then
    redis.call('HSET', record, 'log', log)
  end
  result[#result + 1] = (ours or fact) and 1 or 0
end
if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
if #lanes > 0 then redis.call('DEL', unpack(lanes)) end
for state, members in pairs(moved) do
  redis.call('ZADD', 'relay:state:' .. state, unpack(members))
end
return result
