-- Write a hash in the next format, whole or not at all.
--
-- KEYS hash, its key in the next format (the same where it does not change)
-- ARGV number of renamed fields, their old and new names in turn; number of sorted sets that get a
--      member, each set and member in turn; then of each field with a new value: name, value as it
--      was read ('' where there was none), new value. Values are written before fields are renamed.
-- Returns 'converted', 'gone' where it has expired, 'changed' where a value is not what was read.
redis.call('ZREM', 'relay:open', '') -- lets what follows through where Redis is full
if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end
local members_at = 2 + 2 * tonumber(ARGV[1])
local values_at = members_at + 1 + 2 * tonumber(ARGV[members_at])
for i = values_at, #ARGV, 3 do
  if (redis.call('HGET', KEYS[1], ARGV[i]) or '') ~= ARGV[i + 1] then return 'changed' end
end
for i = values_at, #ARGV, 3 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2]) end
for i = 2, members_at - 1, 2 do
  local value = redis.call('HGET', KEYS[1], ARGV[i])
  if value then
    redis.call('HSET', KEYS[1], ARGV[i + 1], value)
    redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
for i = members_at + 1, values_at - 1, 2 do redis.call('ZADD', ARGV[i], 0, ARGV[i + 1]) end
if KEYS[1] ~= KEYS[2] and redis.call('RENAMENX', KEYS[1], KEYS[2]) == 0 then
  redis.call('DEL', KEYS[1]) -- the new one is of a version that has run since
end
return 'converted'
