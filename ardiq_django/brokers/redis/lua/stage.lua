-- Enqueue each occurrence that is later than the watermark of its schedule; answers 'c' for each that was created.
-- with: _job _ends _accept _unfinished
-- KEYS after the fixed: the job that each schedule staged last, the schedules that are switched off. ARGV: rows of
-- schedule, fire ms, '1' if it coalesces, id, envelope, place.

local STAGED, OFF, words = KEYS[23], KEYS[24], {}

local function stage(schedule, coalesces, id, envelope, place)
  if call('SMISMEMBER', OFF, schedule)[1] == 1 then
    return 'e'
  end
  local last = coalesces == '1' and call('HGET', STAGED, schedule)
  if last and is_unfinished(last) then
    return 'e'
  end
  local word = accept(id, envelope, place)
  call('HSET', STAGED, schedule, id)
  return word
end

for row = 8, #ARGV, 6 do
  local schedule, fire_ms = ARGV[row], ARGV[row + 1]
  if tonumber(fire_ms) > tonumber(call('HGET', CRON, schedule) or 0) then
    call('HSET', CRON, schedule, fire_ms)
    words[#words + 1] = stage(schedule, unpack(ARGV, row + 2, row + 5))
  else
    words[#words + 1] = 'e'
  end
end
ring()
return table.concat(words)
