-- Defines `now`: the clock of Redis, in seconds, which all processes share.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
