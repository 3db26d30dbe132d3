-- Queue again, at the head, what an ended epoch still holds; one crash more if it was lost. Answers how many.
-- with: _job _ends
-- ARGV: epoch, 'left' or 'lost', worker id, then id and start ms of each, in the order they are to run.

local epoch, how, worker = ARGV[8], ARGV[9], ARGV[10]
local LOST = 'the worker died or was cut off longer than its lease'

local function count_crash(tally, start_ms)
  tally.crashes = tally.crashes + 1
  add_attempt(tally, cmsgpack.pack({tally.tries + 1, 'crashed', tonumber(start_ms), NOW, worker, 'WorkerLost', LOST}))
end

local function take_back(id, start_ms)
  call('HDEL', RUNNING, id)
  local wish, envelope, tally = call('HDEL', ABORTS, id) == 1, call('HGET', JOBS, id), tally_of(id)
  if how == 'lost' then
    count_crash(tally, start_ms)
  end
  if wish then
    finish(id, envelope, tally, 'aborted', 'aborted while it ran')
  elseif how == 'lost' and tally.crashes >= tonumber(MAX_CRASHES) then
    finish(id, envelope, tally, 'failed', string.format('its worker was lost %d times while it ran', tally.crashes))
  else
    if how == 'lost' then
      keep_tally(id, tally)
    end
    local _, lane = head(envelope)
    queue(id, lane, tally.crashes, true)
  end
end

local taken = 0
for row = #ARGV - 1, 11, -2 do -- the last first, so that the first ends up at the head
  local fence = call('HGET', RUNNING, ARGV[row]) or ''
  if string.sub(fence, 1, #epoch + 1) == epoch .. '.' then
    take_back(ARGV[row], ARGV[row + 1])
    taken = taken + 1
  end
end
if taken > 0 then
  ring()
end
return taken
