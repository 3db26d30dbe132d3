-- Store schedules; answers 'c' for each that is new. What fires at the same times as before goes on where it was.
-- with: _plans
-- ARGV: rows of id, mark, next fire time, token, timing, packed plan.

local words = {}
for row = 8, #ARGV, 6 do
  local id, mark, next_ms, token, timing, packed = unpack(ARGV, row, row + 5)
  local old = read_plan(id)
  local is_alike = old and old.timing == timing
  local fired = old and old.fired or '0'
  keep_plan(id, {mark = is_alike and old.mark or mark, fired = fired, token = token, timing = timing, packed = packed})
  if not is_alike then
    fire_next(id, old and not old.is_enabled and '0' or next_ms)
  end
  words[#words + 1] = old and 'e' or 'c'
end
return table.concat(words)
