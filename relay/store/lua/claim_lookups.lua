-- Take look-ups that are due, and put them off for as long as one may take. Those of sources that
-- are busy enough are put off unmade: others behind them must not wait for a slow platform.
--
-- After clock.lua.
--
-- KEYS lookups
-- ARGV most of them, how long one may take (s), how long to put the others off (s), most to look at,
--      names of busy sources
-- Returns record ids. Who dies with one leaves it to the others: it is due again then.
local busy, claimed = {}, {}
for i = 5, #ARGV do busy[ARGV[i]] = true end
local seen_max = #ARGV > 4 and ARGV[4] or ARGV[1]
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, seen_max)) do
  if #claimed == tonumber(ARGV[1]) then break end
  local route = #ARGV > 4 and redis.call('HGET', 'relay:record:' .. id, 'route')
  if route and busy[cjson.decode(route)[1]] then
    redis.call('ZADD', KEYS[1], now + ARGV[3], id)
  else
    redis.call('ZADD', KEYS[1], now + ARGV[2], id)
    claimed[#claimed + 1] = id
  end
end
return claimed
