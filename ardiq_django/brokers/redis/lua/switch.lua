-- Let a schedule that is declared in code fire, from now on, or not. KEYS after the fixed: those that are switched off.
-- ARGV: schedule, '1' for on.

local OFF, schedule, on = KEYS[23], ARGV[8], ARGV[9] == '1'
local now = string.format('%.0f', NOW)
call('HSETNX', CRON, schedule, now)
if not on then
  call('SADD', OFF, schedule)
elseif call('SREM', OFF, schedule) == 1 and tonumber(call('HGET', CRON, schedule)) < NOW then
  call('HSET', CRON, schedule, now)
end
