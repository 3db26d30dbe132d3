-- Give a waiting job another call or lane; answers a letter.
-- with: _job _ends
-- ARGV: id, its opening (the packed fields up to the digest) as it was, and as it is to be.

local id, was, new = ARGV[8], ARGV[9], ARGV[10]

-- When a job came into its lane, by its producer's clock; 0 for one that is gone, or cannot be read.
local function since_ms(envelope)
  local _, _, after = head(envelope or '')
  local at_times = after and function()
    return cmsgpack.unpack_limit(envelope, 6, after_bytes(envelope, after))
  end
  local readable, _, enqueued, _, _, _, delay, schedule = pcall(at_times or error)
  if not readable then
    return 0
  end
  return math.max((tonumber(enqueued) or 0) + (tonumber(delay) or 0), tonumber(schedule) or 0)
end

-- The first that is younger, looked for by halves: a lane is in the order of ages, but for what came back into it.
local function first_younger(list, age_ms)
  local low, high, younger = 0, call('LLEN', list), nil
  while low < high do
    local middle = math.floor((low + high) / 2)
    local other = call('LRANGE', list, middle, middle)[1]
    if since_ms(call('HGET', JOBS, other)) > age_ms then
      high, younger = middle, other
    else
      low = middle + 1
    end
  end
  return younger
end

local function join(lane, envelope)
  local list = lane_list(lane)
  if call('SREM', lane_tombs(lane), id) == 1 then
    call('LREM', list, 0, id)
  end
  local younger = first_younger(list, since_ms(envelope))
  if younger then
    call('LINSERT', list, 'BEFORE', younger, id)
  else
    call('RPUSH', list, id)
  end
end

lapse(id)
local state, envelope = locate(id)
if not state then
  return 'g'
elseif state == 'running' or IS_END[state] then
  return 's'
end
local at = string.byte(envelope) == 0xdc and 3 or 1 -- past the header of the array
if string.sub(envelope, at + 1, at + #new) == new then
  return 'a'
elseif string.sub(envelope, at + 1, at + #was) ~= was then
  return 's'
end
local amended = string.sub(envelope, 1, at) .. new .. string.sub(envelope, at + #was + 1)
local tally, _, old_lane = tally_of(id), head(envelope)
local _, lane = head(amended)
if state == 'queued' and tally.crashes == 0 and lane ~= old_lane then
  join(lane, envelope) -- first, so that a full Redis refuses
  withdraw(id, state, envelope, tally)
  ring()
end
call('HSET', JOBS, id, amended)
return 'd'
