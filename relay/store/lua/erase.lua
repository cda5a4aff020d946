-- Remove a record in any state, and all that names it. Its de-dup marks stay, so that the event is
-- not accepted again; they name nobody.
--
-- After lanes.lua, lists.lua and find.lua.
--
-- KEYS record, open
-- ARGV record id, source, now (unix s), now (RQ's notation)
-- Returns its state, or '' where there is none.
local id, record = ARGV[1], KEYS[1]
local state, reason, digests, job, after, follower = unpack(redis.call('HMGET', record, 'state',
  'reason', 'digests', 'job', 'after', 'next'))
if not state then return '' end
local lane, others = string.match(digests or '', '^(%S*)(.*)$')
for digest in string.gmatch(others or '', '%S+') do
  local set, member = found_as(digest, id)
  redis.call('ZREM', set, member)
end
redis.call('ZREM', KEYS[2], id)
redis.call('ZREM', 'relay:lookups', id)
redis.call('ZREM', 'relay:privacy', id)
redis.call('ZREM', 'relay:state:' .. state, id)
unlist(id, state, ARGV[2], reason)
write_lists()
redis.call('DEL', record)
-- The lane goes on without it. The job of one that is queued or under way finds nothing to do.
local job_key = 'rq:job:' .. (job or id)
local status, queue = unpack(redis.call('HMGET', job_key, 'status', 'origin'))
if status == 'deferred' then
  redis.call('ZREM', 'rq:deferred:' .. queue, job or id)
  redis.call('DEL', job_key)
end
local waits = after and is_open(after)
if follower and follower ~= '' then
  if waits then
    redis.call('HSET', 'relay:record:' .. after, 'next', follower)
    redis.call('HSET', 'relay:record:' .. follower, 'after', after)
  elseif opens(state) then
    release(follower, ARGV[3], ARGV[4])
  end
elseif waits then
  redis.call('HSET', 'relay:record:' .. after, 'next', '')
end
if lane ~= '' and lane ~= '-' and redis.call('GET', 'relay:lane:' .. lane) == id then
  if waits then
    redis.call('SET', 'relay:lane:' .. lane, after)
  else
    redis.call('DEL', 'relay:lane:' .. lane)
  end
end
return state
