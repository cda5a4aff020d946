-- The token bucket of a rate limit, whose hash has `tokens` as of `at` (s). After clock.lua.

-- Tokens at `now`. A full bucket holds what comes in within a quarter of a second, at least one. A
-- missing value means a full bucket; an `at` in the future, by another server's clock, means now.
local function refilled(tokens, at, rate)
  local burst = math.max(1, rate / 4)
  local elapsed_s = math.max(0, now - (tonumber(at) or 0))
  return math.min(burst, (tonumber(tokens) or burst) + elapsed_s * rate)
end

-- Seconds until the bucket holds a whole token.
local function token_wait_s(tokens, rate)
  return tokens < 1 and (1 - tokens) / rate or 0
end
