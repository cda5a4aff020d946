-- The number of the format that Redis holds data in: '0' for data of the versions that wrote no
-- number, '' where nothing of ours is kept. Every accept adds to `relay:counts`, which does not
-- expire; the others count in case a person has deleted it.
local function schema(key)
  local number = redis.call('GET', key)
  if number then return number end
  local data = redis.call('EXISTS', 'relay:counts', 'relay:open', 'relay:ignored',
    'relay:state:held', 'relay:state:dead', 'relay:state:delivered', 'relay:state:discarded')
  return data > 0 and '0' or ''
end
