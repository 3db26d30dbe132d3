-- The last staged fire time of each schedule; a new one starts at now. ARGV: schedules.

local marks = {}
for i = 8, #ARGV do
  call('HSETNX', CRON, ARGV[i], string.format('%.0f', NOW))
  marks[#marks + 1] = call('HGET', CRON, ARGV[i])
end
return marks
