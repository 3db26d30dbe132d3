-- Remove up to a thousand waiting jobs from one place; answers how many ids it took from there and how many jobs these
-- were. ARGV: 'suspects', 'due', 'retry', or 'lane' and its name.

local place, lane, ids = ARGV[8], ARGV[9], {}
if place == 'due' or place == 'retry' then
  local popped = call('ZPOPMIN', place == 'due' and DUE or RETRY, 1000)
  for i = 1, #popped, 2 do
    ids[#ids + 1] = popped[i]
  end
else
  ids = call('LPOP', place == 'lane' and lane_list(lane) or SUSPECTS, 1000) or {}
end

local doomed = {}
local dead = place == 'lane' and gather('SMISMEMBER', lane_tombs(lane), ids) or {}
for i, id in ipairs(ids) do
  if dead[i] == 1 then
    call('SREM', lane_tombs(lane), id)
  elseif call('HEXISTS', RUNNING, id) == 0 then
    doomed[#doomed + 1] = id
  end
end
if #doomed == 0 then
  return {#ids, 0}
end
local removed = call('HDEL', JOBS, unpack(doomed))
call('HDEL', TRIES, unpack(doomed))
call('ZREM', EXPIRY, unpack(doomed))
return {#ids, removed}
