-- How many jobs are unfinished, running, scheduled, retrying, and ended in each way; and how many of the queued stand
-- in lanes that were asked for, or are suspects. KEYS after the fixed: these lanes, then their tombs.

local LANES = (#KEYS - 22) / 2

local function counted()
  local listed = call('LLEN', SUSPECTS)
  for i = 23, 22 + LANES do
    listed = listed + call('LLEN', KEYS[i]) - call('SCARD', KEYS[i + LANES])
  end
  return {
    call('HLEN', JOBS), call('HLEN', RUNNING), call('ZCARD', DUE), call('ZCARD', RETRY),
    call('ZCARD', ended('succeeded')), call('ZCARD', ended('failed')), call('ZCARD', ended('aborted')),
    call('ZCARD', ended('expired')), listed,
  }
end
