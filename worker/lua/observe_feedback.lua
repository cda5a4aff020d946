-- Moves a destination's rate and circuit breaker by the results of a batch of attempts. After
-- worker/concurrent/lua/clock.lua.
--
-- KEYS throttle hash: rate (/s), slowed_at (s), open_until (s), opened_until (s), half_open
--      (reason), failures, open_count
-- ARGV successes, throttled, failures, retry after (s), rate (/s), observed rate (/s), failures
--      that open the breaker, seconds open at first, and at most, lowest rate (/s), attempts that
--      made no request
-- Returns 'opened' if this opened the breaker, else ''.
local v = redis.call('HMGET', KEYS[1], 'rate', 'open_until', 'half_open', 'slowed_at',
  'opened_until')
local successes, throttled, failures = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local retry_after_s, full_rate = tonumber(ARGV[4]), tonumber(ARGV[5])
local rate, open_until, half_open = tonumber(v[1]), tonumber(v[2]) or 0, v[3]
-- Only a half-open probe moves `open_until`: equal values mean that none was sent since it opened.
local probe_sent = v[2] ~= v[5]
-- The absolute value, since Redis's clock may have been set back.
local changed_ago_s = math.abs(now - (tonumber(v[4]) or 0))

if throttled > 0 and changed_ago_s >= 1 then
  local observed = math.max(1, tonumber(ARGV[6]))
  rate = math.max(tonumber(ARGV[10]), math.min(rate or full_rate, observed) / 2)
  redis.call('HSET', KEYS[1], 'rate', rate, 'slowed_at', now)
elseif successes > 0 and throttled == 0 and rate and changed_ago_s >= 1 then
  rate = rate * 1.1 + 0.1
  redis.call('HSET', KEYS[1], 'rate', rate, 'slowed_at', now)
  if rate >= full_rate then redis.call('HDEL', KEYS[1], 'rate', 'slowed_at') end
end

if successes > 0 then
  redis.call('HDEL', KEYS[1], 'failures', 'open_count')
  if half_open == 'outage' or not half_open and open_until <= now then
    redis.call('HDEL', KEYS[1], 'half_open', 'open_until', 'opened_until')
  end
elseif failures > 0 then
  local in_a_row = redis.call('HINCRBY', KEYS[1], 'failures', failures)
  -- Failures of requests that were sent before the breaker opened do not open it again.
  local probe_failed = half_open == 'outage' and probe_sent
  if probe_failed
    or (not half_open and in_a_row >= tonumber(ARGV[7]) and open_until <= now) then
    local open_count = redis.call('HINCRBY', KEYS[1], 'open_count', 1)
    local open_s = math.min(tonumber(ARGV[8]) * 2 ^ (open_count - 1), tonumber(ARGV[9]))
    local till = now + math.max(open_s, retry_after_s)
    redis.call('HSET', KEYS[1], 'half_open', 'outage', 'open_until', till, 'opened_until', till)
    return 'opened'
  end
elseif throttled == 0 and tonumber(ARGV[11]) > 0 and half_open and half_open ~= 'paused'
  and probe_sent then
  -- The probe had nothing to send: let the next job be the probe.
  redis.call('HSET', KEYS[1], 'open_until', now)
end
if retry_after_s > 0 and now + retry_after_s > open_until then
  redis.call('HSET', KEYS[1], 'open_until', now + retry_after_s)
end
return ''
