-- Reserve a request to a platform's API, of which a source has so many a second.
--
-- After clock.lua.
--
-- KEYS when the next request may go (unix s), by the clock of Redis
-- ARGV seconds between two requests, longest wait (s), seconds to put all of them off ('' for none)
-- Returns the seconds to wait; over the longest wait nothing was reserved.
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
if ARGV[3] ~= '' then
  at = math.max(at, now + ARGV[3])
  redis.call('SET', KEYS[1], string.format('%.6f', at), 'EX', math.ceil(at - now) + 60)
elseif at - now <= tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], string.format('%.6f', at + ARGV[1]), 'EX', math.ceil(at - now) + 60)
end
return string.format('%.6f', at - now)
