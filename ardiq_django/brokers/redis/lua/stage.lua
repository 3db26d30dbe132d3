-- Enqueue each occurrence that is later than the watermark of its schedule; answers 'c' for each that was created.
-- with: _job _ends _accept
-- ARGV: rows of schedule, fire ms, id, envelope, place.

local words = {}
for row = 8, #ARGV, 5 do
  local schedule, fire_ms = ARGV[row], ARGV[row + 1]
  if tonumber(fire_ms) > tonumber(call('HGET', CRON, schedule) or 0) then
    call('HSET', CRON, schedule, fire_ms)
    words[#words + 1] = accept(ARGV[row + 2], ARGV[row + 3], ARGV[row + 4])
  else
    words[#words + 1] = 'e'
  end
end
ring()
return table.concat(words)
