-- Store every item of a webhook request, or none.
--
-- After schema.lua and lanes.lua.
--
-- KEYS open, held, counts, ignored, queues, schema
-- ARGV now (unix s), backlog limit, de-dup life (s), check at (unix s), source, number of calls,
--      ignored entries to keep, queue, now (RQ's notation), job timeout (s), result TTL (s),
--      failure TTL (s), number of the format, then per item:
--      'call'    seen key, record id, lane key, job data, job description, n, n record fields
--      'held'    seen key, record id, n, n record fields
--      'ignored' n, n stream fields, the last value of which is the reason
-- Returns 'redis_schema', 'backlog_full', or status and record id of each item in turn; of a
-- duplicate the id of the earlier record, of an ignored item ''.
-- Keys of records, lanes and jobs are not declared in KEYS: neither RQ nor we run on a cluster.
local format = schema(KEYS[6])
if format ~= '' and format ~= ARGV[13] then return 'redis_schema' end
if redis.call('ZCARD', KEYS[1]) + tonumber(ARGV[6]) > tonumber(ARGV[2]) then
  return 'backlog_full'
end
local queue, result, counts, i = ARGV[8], {}, {}, 14
if ARGV[i] and format == '' then redis.call('SET', KEYS[6], ARGV[13]) end

local function write_record(key, n_at)
  redis.call('HSET', key, unpack(ARGV, n_at + 1, n_at + tonumber(ARGV[n_at])))
end

local function add_job(id, data_at, status)
  redis.call('HSET', 'rq:job:' .. id, 'data', ARGV[data_at], 'description', ARGV[data_at + 1],
    'created_at', ARGV[9], 'enqueued_at', ARGV[9], 'origin', queue, 'status', status,
    'timeout', ARGV[10], 'result_ttl', ARGV[11], 'failure_ttl', ARGV[12])
end

while ARGV[i] do
  local kind, status, id = ARGV[i], ARGV[i], ''
  local n_at = i + (kind == 'call' and 6 or kind == 'held' and 3 or 1)
  if kind == 'ignored' then
    local by_reason = 'ignored:' .. ARGV[n_at + tonumber(ARGV[n_at])]
    counts[by_reason] = (counts[by_reason] or 0) + 1
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], '*',
      unpack(ARGV, n_at + 1, n_at + tonumber(ARGV[n_at])))
  else
    id = ARGV[i + 2]
    local is_new = redis.call('SET', ARGV[i + 1], id, 'EX', ARGV[3], 'NX')
    local record = 'relay:record:' .. id
    if not is_new then
      status, id = 'duplicate', redis.call('GET', ARGV[i + 1])
    elseif kind == 'held' then
      write_record(record, n_at)
      redis.call('ZADD', KEYS[2], ARGV[1], id)
    else
      status = 'accepted'
      write_record(record, n_at)
      if enter(ARGV[i + 3], id) then
        add_job(id, i + 4, 'deferred')
        redis.call('ZADD', 'rq:deferred:' .. queue, ARGV[1], id)
        redis.call('ZADD', KEYS[1], ARGV[4] + 3600, id)
      else
        add_job(id, i + 4, 'queued')
        -- Checked later behind a long queue: checks of waiting jobs would slow down delivery.
        local length = push('RPUSH', queue, id)
        redis.call('ZADD', KEYS[1], ARGV[4] + length / 20, id)
      end
    end
  end
  counts[status] = (counts[status] or 0) + 1
  result[#result + 1] = status
  result[#result + 1] = id
  i = n_at + tonumber(ARGV[n_at]) + 1
end
if counts.accepted then redis.call('SADD', KEYS[5], 'rq:queue:' .. queue) end
for status, n in pairs(counts) do redis.call('HINCRBY', KEYS[3], ARGV[5] .. ':' .. status, n) end
return result
