-- What buckets hold: for each of KEYS after the fixed, all tasks and figures, or those of one. ARGV: task ('' for all).

local task, found = ARGV[8], {}
for k = 23, #KEYS do
  if task == '' then
    found[#found + 1] = call('HGETALL', KEYS[k])
  else
    local figures = call('HGET', KEYS[k], task)
    found[#found + 1] = figures and {task, figures} or {}
  end
end
return found
