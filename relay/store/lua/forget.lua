-- Remove records that have been delivered or discarded for long, and all that names them.
--
-- After find.lua.
--
-- KEYS index of the state
-- ARGV state, until (unix s), most records to remove, then the sources that there are
-- Returns the number of ids removed from the index.
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(ids) do
  local state, digests = unpack(redis.call('HMGET', 'relay:record:' .. id, 'state', 'digests'))
  if not state or state == ARGV[1] then
    for digest in string.gmatch(string.match(digests or '', '^%S*(.*)$'), '%S+') do
      local set, member = found_as(digest, id)
      redis.call('ZREM', set, member)
    end
    redis.call('DEL', 'relay:record:' .. id)
  end
end
if #ids > 0 then
  for i = 4, #ARGV do
    redis.call('ZREM', 'relay:list:' .. ARGV[1] .. ':' .. ARGV[i], unpack(ids))
  end
  redis.call('ZREM', KEYS[1], unpack(ids))
end
return #ids
