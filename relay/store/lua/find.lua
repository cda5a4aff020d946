-- The function shared by the scripts that follow it: where a record is found by a digest.
--
-- Returns a sorted set and the member of it. The set is named after the digest's beginning without
-- regard to case: 54,872 sets, which Redis keeps small up to four million members.
local function found_as(digest, id)
  return 'relay:find:' .. string.lower(string.sub(digest, 1, 3)), digest .. id
end
