-- Who is chosen to run suspects: an epoch is 'clearing', or 'draining' if it has yet to finish what it holds.

-- The part of this epoch, or nothing; and how many others have which.
local function parts(epoch)
  local own, others = nil, {clearing = 0, draining = 0}
  local entries = call('HGETALL', CLEARERS)
  for i = 1, #entries, 2 do
    local part = entries[i + 1]
    if entries[i] == epoch then
      own = part
    elseif others[part] and call('ZSCORE', WORKERS, entries[i]) then
      others[part] = others[part] + 1
    end
  end
  return own, others
end

-- As `Clearing.has_room` in clearing.py.
local function has_room(holds_any, others)
  local most = math.max(1, math.floor(call('ZCARD', WORKERS) / 2)) - others.clearing
  local room = math.min(most, call('LLEN', SUSPECTS))
  return room > (holds_any and others.draining or 0)
end
