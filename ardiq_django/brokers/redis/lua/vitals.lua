-- How the queue stands: the time, whether it is paused, the counts, the job that was queued first in each lane (id and
-- bytes), and how many jobs each epoch runs. KEYS after the fixed: the lanes, then their tombs.
-- with: _counted

local STEP, STEPS = 100, 10 -- of a lane whose first thousand have all been taken out, nothing is told

-- The first that was not taken out of its lane.
local function first(lane, tombs)
  for from = 0, STEP * (STEPS - 1), STEP do
    local ids = call('LRANGE', lane, from, from + STEP - 1)
    local gone = tombs and #ids > 0 and call('SMISMEMBER', tombs, unpack(ids)) or {}
    for i, id in ipairs(ids) do
      local envelope = gone[i] ~= 1 and call('HGET', JOBS, id)
      if envelope then
        return id, envelope
      end
    end
    if #ids < STEP then
      return nil
    end
  end
end

local oldest, held, number = {}, {}, {}

local function note(lane, tombs)
  local id, envelope = first(lane, tombs)
  if id then
    oldest[#oldest + 1] = id
    oldest[#oldest + 1] = envelope
  end
end

for i = 23, 22 + LANES do
  note(KEYS[i], KEYS[i + LANES])
end
note(SUSPECTS)
for _, fence in ipairs(call('HVALS', RUNNING)) do
  local epoch = string.match(fence, '^(.*)%.') or ''
  number[epoch] = (number[epoch] or 0) + 1
end
for epoch, jobs in pairs(number) do
  held[#held + 1] = epoch
  held[#held + 1] = jobs
end
return {string.format('%.0f', NOW), call('EXISTS', PAUSED), counted(), oldest, held}
