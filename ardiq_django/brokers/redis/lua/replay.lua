-- Queue ended jobs that did not succeed again, with a fresh budget and without a window; answers a letter each.
-- with: _job _ends
-- ARGV: ids.

local REPLAYED = {failed = true, aborted = true, expired = true}
local words = {}

local function replay(id, record)
  local old = read_record(record)
  call('HSET', JOBS, id, old.envelope)
  if old.number > 0 then
    keep_tally(id, {tries = 0, crashes = 0, requeues = 0, number = old.number, attempts = old.attempts})
  end
  drop_record(id, old)
  local _, lane = head(old.envelope)
  queue(id, lane, 0)
end

for i = 8, #ARGV do
  local id, word = ARGV[i], 's'
  lapse(id)
  local state, record = locate(id)
  if not state then
    word = 'g'
  elseif state == 'queued' then
    word = 'a'
  elseif REPLAYED[state] then
    replay(id, record)
    word = 'd'
  end
  words[#words + 1] = word
end
ring()
return table.concat(words)
