-- Make what has waited until its time an accepted record with a job.
--
-- After lanes.lua, lists.lua, find.lua and starting.lua.
--
-- KEYS waiting entry, index of waiting entries, counts, queues
-- ARGV record id, now (unix s), now (RQ's notation), check at (unix s), job data, job timeout (s),
--      result TTL (s), failure TTL (s)
-- Returns 1, or 0 when it was replaced, dropped or promoted meanwhile.
local due_at = redis.call('ZSCORE', KEYS[2], KEYS[1])
if not due_at or tonumber(due_at) > tonumber(ARGV[2]) then return 0 end
redis.call('ZREM', KEYS[2], KEYS[1])
local route, customer, body, payload, digests, lanes, queue, source, description = unpack(redis.call(
  'HMGET', KEYS[1], 'route', 'customer', 'body', 'payload', 'digests', 'lanes', 'queue', 'source',
  'description'))
if not route then return 0 end
local id = ARGV[1]
redis.call('DEL', KEYS[1])
redis.call('HSET', 'relay:record:' .. id, 'state', 'accepted', 'route', route, 'customer', customer,
  'body', body, 'payload', payload, 'digests', digests)
for digest in string.gmatch(string.match(digests, '^%S*(.*)$'), '%S+') do
  local set, member = found_as(digest, id)
  redis.call('ZADD', set, '0', member)
end
list(id, 'accepted', source)
start(id, lanes, { queue = queue, data = ARGV[5], description = description, now = ARGV[2],
  iso = ARGV[3], check_at = tonumber(ARGV[4]), timeout = ARGV[6], result_ttl = ARGV[7],
  failure_ttl = ARGV[8] })
write_lists()
redis.call('SADD', KEYS[4], 'rq:queue:' .. queue)
redis.call('HINCRBY', KEYS[3], source .. ':accepted', 1)
return 1
