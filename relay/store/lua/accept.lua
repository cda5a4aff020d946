-- Keep every item of a delivery, or none.
--
-- After schema.lua and lanes.lua.
--
-- KEYS open, held, counts, ignored, queues, schema
-- ARGV now, backlog cap, de-dup seconds, look again at, source, number of calls, ignored kept,
--      queue, now as RQ writes it, job timeout, result seconds, failure seconds, number of the
--      format, then per item:
--      'call'    seen key, record id, lane key, job data, job description, n, n record fields
--      'held'    seen key, record id, n, n record fields
--      'ignored' n, n fields
-- Keys are made per event and not declared: neither RQ nor we run on a cluster.
local format = schema(KEYS[6])
if format ~= '' and format ~= ARGV[13] then return 'redis_schema' end
if redis.call('ZCARD', KEYS[1]) + tonumber(ARGV[6]) > tonumber(ARGV[2]) then
  return 'backlog_full'
end
local queue, result, counts, i = ARGV[8], {}, {}, 14
if ARGV[i] and format == '' then redis.call('SET', KEYS[6], ARGV[13]) end

local function keep(record, at)
  redis.call('HSET', record, unpack(ARGV, at + 1, at + tonumber(ARGV[at])))
end

local function add_job(id, at, status)
  redis.call('HSET', 'rq:job:' .. id, 'data', ARGV[at], 'description', ARGV[at + 1],
    'created_at', ARGV[9], 'enqueued_at', ARGV[9], 'origin', queue, 'status', status,
    'timeout', ARGV[10], 'result_ttl', ARGV[11], 'failure_ttl', ARGV[12])
end

while ARGV[i] do
  local kind, status, id = ARGV[i], ARGV[i], ''
  local at = i + (kind == 'call' and 6 or kind == 'held' and 3 or 1)
  if kind == 'ignored' then
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], '*',
      unpack(ARGV, at + 1, at + tonumber(ARGV[at])))
  else
    id = ARGV[i + 2]
    local new = redis.call('SET', ARGV[i + 1], id, 'EX', ARGV[3], 'NX')
    local record = 'relay:record:' .. id
    if not new then
      status, id = 'duplicate', redis.call('GET', ARGV[i + 1])
    elseif kind == 'held' then
      keep(record, at)
      redis.call('ZADD', KEYS[2], ARGV[1], id)
    else
      status = 'accepted'
      keep(record, at)
      if enter(ARGV[i + 3], id) then
        add_job(id, i + 4, 'deferred')
        redis.call('ZADD', 'rq:deferred:' .. queue, ARGV[1], id)
        redis.call('ZADD', KEYS[1], ARGV[4] + 3600, id)
      else
        add_job(id, i + 4, 'queued')
        -- The longer the queue, the later: looking after all who wait would take from delivering.
        local length = push('RPUSH', queue, id)
        redis.call('ZADD', KEYS[1], ARGV[4] + length / 20, id)
      end
    end
  end
  counts[status] = (counts[status] or 0) + 1
  result[#result + 1] = status
  result[#result + 1] = id
  i = at + tonumber(ARGV[at]) + 1
end
if counts.accepted then redis.call('SADD', KEYS[5], 'rq:queue:' .. queue) end
for status, n in pairs(counts) do redis.call('HINCRBY', KEYS[3], ARGV[5] .. ':' .. status, n) end
return result
